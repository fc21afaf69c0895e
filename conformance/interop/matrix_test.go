package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/conformance/interop/clients"
	"gatehouse/conformance/interop/proven"
	"gatehouse/conformance/interop/server"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/programs"
	"gatehouse/sshd"
)

var update = flag.Bool("update", false, "write what the clients prove instead of checking it")

// Sizes of what flows each way: with what a client likes best, and with every algorithm.
const (
	bulk    = 1 << 20
	walk    = 64 << 10
	atATime = 4 // clients of a row that run at once
)

// Every client logs in, runs a command and copies files; and does so again with each
// algorithm that it and the server have, as the only one that the server has. What it
// proves is what the table of package proven says. The walk through the algorithms takes
// minutes, and so is left to runs that require the programs.
func TestClients(t *testing.T) {
	table := record(t)
	for _, c := range clients.All {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := c.Start(t)
			t.Run("bulk", func(t *testing.T) {
				work(t, s, server.Config(t), c.Keys[0], bulk)
			})
			common := append(offered(t, s), keysOf(c)...)
			table.hold(t, s, common)
			if raceEnabled || !programs.Required() {
				return // the race detector finds nothing more in other algorithms; "make interop" requires
			}
			gate := make(chan struct{}, atATime)
			for _, a := range common {
				t.Run(string(a.Kind)+"/"+a.Name, func(t *testing.T) {
					t.Parallel()
					gate <- struct{}{}
					defer func() { <-gate }()
					alone(t, s, a)
				})
			}
		})
	}
}

// restrict makes an algorithm the only one of its kind.
var restrict = map[sshd.AlgorithmKind]func(*sshd.Config, []string){
	sshd.KeyExchange:      func(c *sshd.Config, names []string) { c.KeyExchanges = names },
	sshd.Cipher:           func(c *sshd.Config, names []string) { c.Ciphers = names },
	sshd.MAC:              func(c *sshd.Config, names []string) { c.MACs, c.Ciphers = names, macCiphers },
	sshd.Compression:      func(c *sshd.Config, names []string) { c.Compressions = names },
	sshd.HostKeyAlgorithm: func(c *sshd.Config, names []string) { c.HostKeyAlgorithms = names },
	// Clients look for the plain algorithm of a certificate's key in the server's list.
	sshd.PublicKeyAlgorithm: func(c *sshd.Config, names []string) {
		c.PublicKeyAlgorithms = append(names, server.Plain(names[0]))
	},
}

// macCiphers go with a MAC, and every client has one.
var macCiphers = []string{"aes128-ctr", "aes128-cbc", "3des-cbc"}

// chosen is what a login has of a kind, in all directions.
func chosen(l server.Login, kind sshd.AlgorithmKind) []string {
	switch kind {
	case sshd.KeyExchange:
		return []string{l.KeyExchange}
	case sshd.Cipher:
		return []string{l.ClientCipher, l.ServerCipher}
	case sshd.MAC:
		return []string{l.ClientMAC, l.ServerMAC}
	case sshd.Compression:
		return []string{l.ClientCompression, l.ServerCompression}
	case sshd.HostKeyAlgorithm:
		return []string{l.HostKey}
	}
	return []string{l.PublicKey}
}

// alone has a client work with one algorithm.
func alone(t *testing.T, s *clients.Session, a sshd.Algorithm) {
	t.Helper()
	config, key := server.Config(t), s.Keys[0]
	if a.Kind == sshd.PublicKeyAlgorithm {
		key = a.Name
	}
	restrict[a.Kind](config, []string{a.Name})
	for _, l := range work(t, s, config, key, walk) {
		for _, name := range chosen(l, a.Kind) {
			if name != a.Name {
				t.Errorf("%q was chosen", name)
			}
		}
	}
}

// work has a client run a command and copy a file with size bytes each way, and returns its
// logins.
func work(t *testing.T, s *clients.Session, config *sshd.Config, key string, size int) []server.Login {
	t.Helper()
	srv, dir := server.Start(t, config), t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	up, down := data(t, filepath.Join(dir, "up"), size), data(t, filepath.Join(dir, "down"), size)
	job := clients.Job{
		Server: srv, Algorithm: key, In: up.path, Out: filepath.Join(dir, "out"), Remote: filepath.Join(dir, "remote"),
		Command: "sha256sum && cat " + down.path,
	}
	var logins []server.Login
	if s.Exec != nil {
		if err := s.Run(ctx, job); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(up.bytes)
		same(t, job.Out, append([]byte(hex.EncodeToString(sum[:])+"  -\n"), down.bytes...))
		logins = append(logins, login(t, srv))
	}
	if s.Files != nil && (s.Exec == nil || size == bulk) {
		if err := s.Copy(ctx, job); err != nil {
			t.Fatal(err)
		}
		same(t, job.Remote, up.bytes)
		same(t, job.Out, up.bytes)
		logins = append(logins, login(t, srv))
	}
	return logins
}

func login(t *testing.T, srv *server.Server) server.Login {
	t.Helper()
	select {
	case l := <-srv.Logins:
		return l
	case <-time.After(10 * time.Second):
		t.Fatal("nobody has logged in")
		return server.Login{}
	}
}

type content struct {
	path  string
	bytes []byte
}

// data makes a file.
func data(t *testing.T, path string, size int) content {
	t.Helper()
	b := mixed(t, size)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return content{path, b}
}

func same(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes for %d, or others; %v", filepath.Base(path), len(got), len(want), err)
	}
}

// offered lists our algorithms that a client offers in its KEXINIT.
func offered(t *testing.T, s *clients.Session) []sshd.Algorithm {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	lists := make(chan [10][]string, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		c := peer.New(nc, peer.Options{Version: sshd.Version})
		if err := c.ExchangeVersions(); err != nil {
			return
		}
		if message, err := c.ReadRaw(); err == nil {
			if l, err := peer.ServerLists(message); err == nil {
				lists <- l
			}
		}
	}()
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	job := clients.Job{Server: &server.Server{Host: host, Port: port}, Algorithm: s.Keys[0],
		In: data(t, filepath.Join(dir, "in"), 10).path, Out: filepath.Join(dir, "out"), Remote: "/nowhere"}
	run := s.Run
	if s.Exec == nil {
		run = s.Copy
	}
	err = run(ctx, job)
	select {
	case l := <-lists:
		return common(s.Client, l)
	default:
		t.Fatalf("no KEXINIT came: %v", err)
		return nil
	}
}

// common lists the server's algorithms that are in the lists of a KEXINIT.
func common(c *clients.Client, lists [10][]string) []sshd.Algorithm {
	var both []sshd.Algorithm
	for i, kind := range map[int]sshd.AlgorithmKind{0: sshd.KeyExchange, 1: sshd.HostKeyAlgorithm, 2: sshd.Cipher, 4: sshd.MAC, 6: sshd.Compression} {
		for _, a := range sshd.Algorithms(kind) {
			if slices.Contains(lists[i], a.Name) && c.Except[a.Name] == "" && usable(a) {
				both = append(both, a)
			}
		}
	}
	return both
}

// usable leaves out the host keys that the server of the tests does not have.
func usable(a sshd.Algorithm) bool {
	return a.Kind != sshd.HostKeyAlgorithm || server.KeyOf(a.Name) != ""
}

// keysOf lists the algorithms of users' keys that a client has.
func keysOf(c *clients.Client) []sshd.Algorithm {
	var list []sshd.Algorithm
	for _, a := range sshd.Algorithms(sshd.PublicKeyAlgorithm) {
		if slices.Contains(c.Keys, a.Name) {
			list = append(list, a)
		}
	}
	return list
}

// A recorder holds what clients prove against the table, or writes it.
type recorder struct {
	mu    sync.Mutex // guards table
	table *proven.Table
}

// record reads the table; with -update it writes it when the test has passed.
func record(t *testing.T) *recorder {
	t.Helper()
	table, err := proven.Read()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		t.Cleanup(func() {
			data, err := table.JSON()
			if err == nil && !t.Failed() {
				err = os.WriteFile(filepath.Join("proven", proven.File), data, 0o644)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	return &recorder{table: table}
}

// hold compares what a client is about to prove with the table. A client of another version
// than the table's may have other algorithms.
func (r *recorder) hold(t *testing.T, s *clients.Session, list []sshd.Algorithm) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if *update {
		r.table.Set(s.Name, s.VersionText, list)
		return
	}
	if version := r.table.Versions[s.Name]; version != s.VersionText {
		t.Logf("version %s, the table has %s", s.VersionText, version)
		return
	}
	table := r.table.Of(s.Name)
	if more, less := without(list, table), without(table, list); len(more)+len(less) > 0 {
		t.Errorf("out of date: run this test with -update, then make gen\nnot in the table   %q\nin the table alone %q", more, less)
	}
}

// without names the algorithms of a list that are not in another.
func without(list, other []sshd.Algorithm) []string {
	var names []string
	for _, a := range list {
		if !slices.ContainsFunc(other, func(b sshd.Algorithm) bool { return a.Kind == b.Kind && a.Name == b.Name }) {
			names = append(names, string(a.Kind)+" "+a.Name)
		}
	}
	return names
}
