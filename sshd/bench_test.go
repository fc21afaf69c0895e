//go:build unix

package sshd_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/sshd"
)

// The benchmarks measure servers in processes of their own, this one and x/crypto's, doing
// the same work for the same client in the same run. The figure to compare is the
// server's CPU time per unit of work.

// benchServer is the environment variable that turns the test binary into a server.
const benchServer = "GATEHOUSE_BENCH_SERVER"

// servers has a row for every server that is measured.
var servers = []struct {
	name  string
	serve func(l net.Listener, key ed25519.PrivateKey) error
}{
	{"gatehouse", serveGatehouse},
	{"xcrypto", serveXCrypto},
}

func TestMain(m *testing.M) {
	for _, s := range servers {
		if os.Getenv(benchServer) == s.name {
			runBenchServer(s.serve)
			return
		}
	}
	os.Exit(m.Run())
}

// benchWork does what the benchmarks ask for by command.
func benchWork(command string, rw io.ReadWriter) {
	verb, arg, _ := strings.Cut(command, " ")
	switch verb {
	case "down":
		n, _ := strconv.ParseInt(arg, 10, 64)
		buf := make([]byte, 64<<10)
		for ; n > 0; n -= int64(len(buf)) {
			if _, err := rw.Write(buf[:min(n, int64(len(buf)))]); err != nil {
				return
			}
		}
	case "up":
		buf := make([]byte, 64<<10)
		for {
			if _, err := rw.Read(buf); err != nil {
				return
			}
		}
	case "echo":
		buf := make([]byte, 32<<10)
		for {
			n, err := rw.Read(buf)
			if err != nil {
				return
			}
			rw.Write(buf[:n])
		}
	}
}

func serveGatehouse(l net.Listener, key ed25519.PrivateKey) error {
	srv := &sshd.Server{
		Config:  &sshd.Config{HostKeys: []sshd.HostKey{{Signer: key}}, Auth: anyone, MaxChannels: 1 << 16, MaxSessions: -1},
		Handler: sshd.HandlerFunc(func(s *sshd.Session) { benchWork(s.Command(), s) }), MaxStartups: -1,
	}
	return srv.Serve(l)
}

func serveXCrypto(l net.Listener, key ed25519.PrivateKey) error {
	cfg := &ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	cfg.AddHostKey(signer)
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			_, chans, reqs, err := ssh.NewServerConn(nc, cfg)
			if err != nil {
				return
			}
			go ssh.DiscardRequests(reqs)
			for n := range chans {
				ch, reqs, err := n.Accept()
				if err != nil {
					return
				}
				go func() {
					for r := range reqs {
						r.Reply(r.Type == "exec", nil)
						if r.Type == "exec" {
							go func() {
								benchWork(string(r.Payload[4:]), ch)
								ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
								ch.Close()
							}()
						}
					}
				}()
			}
		}()
	}
}

// usage is what a server says of itself.
type usage struct {
	CPU        time.Duration
	Heap       uint64 // heap and stacks in use after a collection
	Goroutines int
}

func runBenchServer(serve func(net.Listener, ed25519.PrivateKey) error) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go serve(l, key)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "collect" {
			runtime.GC()
			runtime.GC()
		}
		var ru syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		json.NewEncoder(os.Stdout).Encode(usage{
			CPU:        time.Duration(ru.Utime.Nano() + ru.Stime.Nano()),
			Heap:       m.HeapInuse + m.StackInuse,
			Goroutines: runtime.NumGoroutine(),
		})
	}
}

// A process is a server under measurement.
type process struct {
	addr string
	in   io.Writer
	out  *bufio.Reader
}

func startBenchServer(b *testing.B, name string) *process {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"="+name)
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	p := &process{in: in, out: bufio.NewReader(out)}
	addr, err := p.out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	p.addr = strings.TrimSpace(addr)
	return p
}

func (p *process) usage(b *testing.B, how string) (u usage) {
	b.Helper()
	fmt.Fprintln(p.in, how)
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &u)
	}
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// eachServer runs f against every server.
func eachServer(b *testing.B, f func(b *testing.B, p *process)) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) { f(b, startBenchServer(b, s.name)) })
	}
}

func BenchmarkBulk(b *testing.B) {
	const chunk = 64 << 20 // an iteration
	for _, cipher := range []string{"aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"} {
		for _, direction := range []string{"down", "up"} {
			b.Run(cipher+"/"+direction, func(b *testing.B) {
				eachServer(b, func(b *testing.B, p *process) { benchBulk(b, p, cipher, direction, chunk) })
			})
		}
	}
}

func benchBulk(b *testing.B, p *process, cipher, direction string, chunk int64) {
	client := dial(b, p.addr, func(c *ssh.ClientConfig) {
		c.Ciphers, c.MACs = []string{cipher}, []string{"hmac-sha2-256-etm@openssh.com"}
	})
	b.SetBytes(chunk)
	before := p.usage(b, "now")
	b.ResetTimer()
	for range b.N {
		s, err := client.NewSession()
		if err != nil {
			b.Fatal(err)
		}
		if direction == "down" {
			s.Stdout = io.Discard
			err = s.Run(fmt.Sprintf("down %d", chunk))
		} else {
			s.Stdin = io.LimitReader(zeros{}, chunk)
			err = s.Run("up")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	cpu := p.usage(b, "now").CPU - before.CPU
	b.ReportMetric(cpu.Seconds()/float64(b.N)/float64(chunk)*(1<<30), "server-CPU-s/GiB")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func BenchmarkHandshake(b *testing.B) {
	for _, kex := range []string{"mlkem768x25519-sha256", "curve25519-sha256"} {
		b.Run(kex, func(b *testing.B) {
			eachServer(b, func(b *testing.B, p *process) {
				before := p.usage(b, "now")
				for b.Loop() {
					dial(b, p.addr, func(c *ssh.ClientConfig) { c.KeyExchanges = []string{kex} }).Close()
				}
				b.ReportMetric(1/(b.Elapsed().Seconds()/float64(b.N)), "handshakes/s")
				b.ReportMetric((p.usage(b, "now").CPU-before.CPU).Seconds()*1e3/float64(b.N), "server-CPU-ms/op")
			})
		})
	}
}

func BenchmarkEcho(b *testing.B) {
	eachServer(b, func(b *testing.B, p *process) {
		s, err := dial(b, p.addr, nil).NewSession()
		if err != nil {
			b.Fatal(err)
		}
		in, _ := s.StdinPipe()
		out, _ := s.StdoutPipe()
		if err := s.Start("echo"); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 1)
		before := p.usage(b, "now")
		for b.Loop() {
			in.Write(buf)
			if _, err := io.ReadFull(out, buf); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((p.usage(b, "now").CPU-before.CPU).Microseconds())/float64(b.N), "server-CPU-us/op")
	})
}

// BenchmarkIdle reports what a connection holds that is logged in and silent. It runs once
// whatever -benchtime says.
func BenchmarkIdle(b *testing.B) {
	const n = 500
	eachServer(b, func(b *testing.B, p *process) {
		before := p.usage(b, "collect")
		for range n {
			dial(b, p.addr, nil)
		}
		time.Sleep(200 * time.Millisecond)
		after := p.usage(b, "collect")
		b.ReportMetric(float64(after.Heap-before.Heap)/n, "bytes/conn")
		b.ReportMetric(float64(after.Goroutines-before.Goroutines)/n, "goroutines/conn")
		b.ReportMetric(0, "ns/op")
	})
}
