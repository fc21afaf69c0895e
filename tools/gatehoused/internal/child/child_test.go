//go:build unix

package child

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/users"
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
	"gatehouse/sshd/session"
)

func ends(t *testing.T) (ours, theirs *net.UnixConn) {
	t.Helper()
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	if ours, err = socket(a); err != nil {
		t.Fatal(err)
	}
	if theirs, err = socket(b); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// within is a child that runs in this process.
func within(t *testing.T) *Child {
	t.Helper()
	ours, theirs := ends(t)
	done := make(chan error, 1)
	go func() { done <- serve(&wire{conn: theirs}) }()
	me := &users.Account{Name: "me", Home: t.TempDir(), Shell: "/bin/sh", UID: uint32(os.Getuid())}
	c, err := greet(ours, me, func() error { return <-done }, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPrograms(t *testing.T) {
	c := within(t)
	odd := "\xff\xfe not UTF-8"
	p, err := c.Start(&session.Command{Line: `cat; echo "$ODD" >&2; exit 3`, Env: []string{"ODD=" + odd}})
	if err != nil {
		t.Fatal(err)
	}
	p.Stdin.WriteString("through")
	p.Stdin.Close()
	out, _ := io.ReadAll(p.Stdout)
	errs, _ := io.ReadAll(p.Stderr)
	if string(out) != "through" || string(errs) != odd+"\n" {
		t.Errorf("%q, %q", out, errs)
	}
	if s, err := p.Wait(); err != nil || s.Code != 3 {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := p.Signal("TERM"); err == nil {
		t.Error("a signal to a program that has ended")
	}
}

func TestSignalAndTerminal(t *testing.T) {
	c := within(t)
	p, err := c.Start(&session.Command{Line: "stty size; read x; stty size; sleep 60", Pty: &sshd.Pty{Window: sshd.Window{Columns: 90, Rows: 20}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Pty.Close()
	buf := make([]byte, 100)
	if n, err := p.Pty.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "20 90") {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if err := p.Resize(sshd.Window{Columns: 91, Rows: 21}); err != nil {
		t.Error(err)
	}
	p.Pty.WriteString("\n")
	seen := ""
	for !strings.Contains(seen, "21 91") {
		n, err := p.Pty.Read(buf)
		if seen += string(buf[:n]); err != nil {
			t.Fatalf("%q, %v", seen, err)
		}
	}
	if err := p.Signal("KILL"); err != nil {
		t.Error(err)
	}
	if s, err := p.Wait(); err != nil || s.Signal != "KILL" {
		t.Errorf("status %+v, %v", s, err)
	}
}

func TestSockets(t *testing.T) {
	c := within(t)
	dir := t.TempDir()
	for _, where := range []Listen{
		{Network: "tcp", Addr: "127.0.0.1:0"},
		{Network: "unix", Addr: filepath.Join(dir, "socket"), Mode: 0o640},
	} {
		l, err := c.Listen(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if a, err := l.Accept(); err == nil {
				io.Copy(a, a)
				a.Close()
			}
		}()
		nc, err := c.Dial(t.Context(), where.Network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.Write([]byte("echo"))
		buf := make([]byte, 4)
		if _, err := io.ReadFull(nc, buf); err != nil || string(buf) != "echo" {
			t.Errorf("%s: %q, %v", where.Network, buf, err)
		}
		if info, err := os.Stat(where.Addr); where.Network == "unix" && (err != nil || info.Mode().Perm() != 0o640) {
			t.Errorf("socket: %v, %v", info, err)
		}
		nc.Close()
		l.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Lstat(filepath.Join(dir, "socket")); os.IsNotExist(err) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the socket is not removed")
		}
	}
	if _, err := c.Dial(t.Context(), "unix", filepath.Join(dir, "nobody")); err == nil {
		t.Error("connected to nobody")
	}
	victim := filepath.Join(dir, "victim")
	os.WriteFile(victim, nil, 0o600)
	if _, _, err := ask[none](t.Context(), c, opRemove, []byte(victim)); err == nil {
		t.Error("removed a file that is no socket of its own")
	}
}

func TestFiles(t *testing.T) {
	c := within(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	os.WriteFile(file, []byte("content"), 0o600)
	for _, readOnly := range []bool{false, true} {
		mine, theirs := net.Pipe()
		go c.ServeSFTP(theirs, SFTP{Dir: dir, ReadOnly: readOnly})
		client, err := sftp.NewClientPipe(mine, mine)
		if err != nil {
			t.Fatal(err)
		}
		f, err := client.Open("f")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || string(got) != "content" {
			t.Errorf("%q, %v", got, err)
		}
		if err := client.Mkdir("d"); (err != nil) != readOnly {
			t.Errorf("read-only %v: Mkdir: %v", readOnly, err)
		}
		mine.Close()
	}
}

func TestFindKey(t *testing.T) {
	c := within(t)
	dir := t.TempDir()
	blob := sshwire.AppendString(sshwire.AppendString(nil, "ssh-ed25519"), "k")
	line := "command=\"echo \xff\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAWs= x\nnonsense\n"
	file := filepath.Join(dir, "keys")
	os.WriteFile(file, []byte(line), 0o600)
	q := KeyQuery{Files: []string{filepath.Join(dir, "none"), file}, Candidate: authkeys.Candidate{Blob: blob, User: "me", Now: time.Now()}}
	a, err := c.FindKey(t.Context(), q)
	if err != nil || a.Entry == nil || a.File != file || len(a.Problems) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	if o := a.Entry.Options; !o.Forced || o.Command != "echo \xff" {
		t.Errorf("options %+v", o)
	}
	q.Candidate.Blob = blob[1:]
	if a, err = c.FindKey(t.Context(), q); err != nil || a.Entry != nil {
		t.Errorf("another key: %+v, %v", a, err)
	}
	q.Check = authkeys.Check{Strict: true, Owner: 4_000_000, Home: dir}
	q.Candidate.Blob = blob
	if a, err = c.FindKey(t.Context(), q); err != nil || a.Entry != nil && os.Getuid() != 0 {
		t.Errorf("a file of somebody else: %+v, %v", a, err)
	}
	names := filepath.Join(dir, "principals")
	os.WriteFile(names, []byte("# comment\nalice\n command=\"x\" bob\ncarol # more\n"), 0o600)
	if got, err := c.Principals(t.Context(), FileQuery{File: names}); err != nil || strings.Join(got, " ") != "alice carol" {
		t.Errorf("principals %q, %v", got, err)
	}
}

// Only sockets in the file system are forwarded: its permissions guard them.
func TestOnlyPathsAreSockets(t *testing.T) {
	for _, name := range []string{"@gatehouse", "\x00gatehouse", "relative", ""} {
		if l, err := (Self{}).Listen(t.Context(), Listen{Network: "unix", Addr: name}); err == nil {
			l.Close()
			t.Errorf("listens on %q", name)
		}
		if _, err := (Self{}).Dial(t.Context(), "unix", name); !errors.Is(err, errNotInFileSystem) {
			t.Errorf("connects to %q: %v", name, err)
		}
	}
}

// A call that is given up does not wait, and what comes later is closed.
func TestGivenUp(t *testing.T) {
	ours, theirs := ends(t)
	defer theirs.Close()
	ended := make(chan struct{})
	c, err := greet(ours, &users.Account{}, func() error { <-ended; return nil }, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Dial(ctx, "tcp", "192.0.2.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
	close(ended)
	c.Close()
	if _, err := c.Dial(t.Context(), "tcp", "192.0.2.1:1"); !errors.Is(err, ErrGone) {
		t.Errorf("after the end: %v", err)
	}
}

// Whatever a child sends that is no reply is the end of it, and of all calls.
func TestBrokenChild(t *testing.T) {
	message := func(body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	tests := map[string][]byte{
		"nothing":           nil,
		"half a length":     {0, 0},
		"half a message":    message(`{"ID":1}`)[:6],
		"not JSON":          message("hello"),
		"too long":          binary.BigEndian.AppendUint32(nil, maxMessage+1),
		"to no call":        message(`{"ID":77}`),
		"of the wrong type": message(`{"ID":"1"}`),
	}
	for name, sent := range tests {
		t.Run(name, func(t *testing.T) {
			ours, theirs := ends(t)
			c, err := greet(ours, &users.Account{}, func() error { return nil }, func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				io.CopyN(io.Discard, theirs, 64)
				theirs.Write(sent)
				theirs.CloseWrite()
				io.Copy(io.Discard, theirs)
				theirs.Close()
			}()
			if _, err := c.Start(&session.Command{Line: "true"}); err == nil || !strings.Contains(err.Error(), ErrGone.Error()) {
				t.Errorf("Start: %v", err)
			}
		})
	}
}

// Descriptors of files could block their reader for ever; too few or too many are no reply.
func TestDescriptorsAreChecked(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, files := range map[string][]*os.File{
		"a file": {file, r, w}, "none": nil, "two": {r, w}, "four": {r, w, r, w},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := ends(t)
			c, err := greet(ours, &users.Account{}, func() error { return nil }, func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				fake := &wire{conn: theirs}
				fake.receive(new(hello))
				var q request
				fake.receive(&q)
				fake.send(&reply{ID: q.ID, Result: []byte(`{"Process":1}`)}, files)
				io.Copy(io.Discard, theirs)
				theirs.Close()
			}()
			if p, err := c.Start(&session.Command{Line: "true"}); err == nil {
				t.Errorf("Start: %+v", p)
			}
		})
	}
}

// A child refuses what it does not know, and goes on.
func TestUnknownRequests(t *testing.T) {
	c := within(t)
	for op, args := range map[string]any{"no-such": 1, opWait: uint64(9), opStart: "text", opDial: dialArgs{"carrier-pigeon", nil}} {
		if _, _, err := ask[none](t.Context(), c, op, args); err == nil {
			t.Errorf("%s succeeded", op)
		}
	}
	if p, err := c.Start(&session.Command{Line: "true"}); err != nil {
		t.Error(err)
	} else if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// Whatever the answer, there is one.
func TestAnswersThatAreTooLong(t *testing.T) {
	c := within(t)
	file := filepath.Join(t.TempDir(), "principals")
	if err := os.WriteFile(file, bytes.Repeat([]byte{1}, maxMessage/5), 0o600); err != nil { // six times as long in JSON
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if names, err := c.Principals(ctx, FileQuery{File: file}); err == nil || ctx.Err() != nil {
		t.Errorf("%d names, %v", len(names), err)
	}
}

// The end of the server hangs up on terminals; a program without one goes on to its end.
func TestHangUp(t *testing.T) {
	hearHangUps(t)
	for name, tt := range map[string]struct {
		pty  *sshd.Pty
		want string
	}{"terminal": {&sshd.Pty{}, "hung up"}, "pipes": {nil, "got all"}} {
		t.Run(name, func(t *testing.T) {
			c := within(t)
			p, err := c.Start(&session.Command{Line: "trap 'echo hung up; exit' HUP; echo ready; read x; read y; echo got $y", Pty: tt.pty})
			if err != nil {
				t.Fatal(err)
			}
			in, out := p.Stdin, p.Stdout
			if tt.pty != nil {
				in, out = p.Pty, p.Pty
			}
			io.ReadFull(out, make([]byte, 6))
			in.WriteString("x\n")
			c.Close()
			in.WriteString("all\n")
			if seen, _ := io.ReadAll(out); !bytes.Contains(seen, []byte(tt.want)) {
				t.Errorf("%q", seen)
			}
		})
	}
}

// hearHangUps undoes nohup(1), which programs would inherit.
func hearHangUps(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGHUP)
	t.Cleanup(func() { signal.Stop(c) })
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"ID":1,"Error":"x"}`))
	f.Add([]byte(`{"ID":1,"Result":{"Process":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, b, err := pair()
		if err != nil {
			t.Fatal(err)
		}
		ours, _ := socket(a)
		theirs, _ := socket(b)
		defer ours.Close()
		go func() {
			theirs.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
			theirs.Close()
		}()
		var r reply
		if files, err := (&wire{conn: ours}).receive(&r); err == nil && len(files) != 0 {
			t.Error("descriptors out of nothing")
		}
	})
}
