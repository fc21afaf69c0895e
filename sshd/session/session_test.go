//go:build unix

package session_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"gatehouse/sshd"
	"gatehouse/sshd/session"
	"gatehouse/sshd/sftp"
)

// connect starts a server with a Runner and returns a client of it.
func connect(t *testing.T, r *session.Runner) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	r.Host = func(*sshd.Session) (session.Host, error) {
		return session.Local{Name: "me", Home: home, Shell: "/bin/sh"}, nil
	}
	srv := &sshd.Server{
		Config: &sshd.Config{HostKeys: []sshd.HostKey{{Signer: key}},
			Auth: sshd.Auth{None: func(context.Context, *sshd.Attempt) sshd.Decision { return sshd.Accept(nil) }}},
		Handler:   r,
		AcceptEnv: func(name string) bool { return name != "LD_PRELOAD" },
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	client, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{User: "u", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		srv.Close()
		<-done
	})
	return client
}

func newSession(t *testing.T, c *ssh.Client) *ssh.Session {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCommand(t *testing.T) {
	c := connect(t, &session.Runner{Env: func(*sshd.Session) []string { return []string{"OWN=b"} }})
	s := newSession(t, c)
	if err := s.Setenv("GIVEN", "a"); err != nil {
		t.Error(err)
	}
	if err := s.Setenv("LD_PRELOAD", "x"); err == nil {
		t.Error("a variable that is not accepted")
	}
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader("input"), &out, &errs
	err := s.Run(`cat; echo " $GIVEN $OWN $USER $LD_PRELOAD ${SSH_CONNECTION%% *}"; echo oops >&2; exit 5`)
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 5 || out.String() != "input a b me  127.0.0.1\n" || errs.String() != "oops\n" {
		t.Errorf("%q, %q, %v", out.String(), errs.String(), err)
	}
}

// Who the user is says the host, whatever the client may set.
func TestClientCannotReplaceWhatTheHostSets(t *testing.T) {
	c := connect(t, &session.Runner{Env: func(*sshd.Session) []string { return []string{"GIVEN=own"} }})
	s := newSession(t, c)
	for _, name := range []string{"USER", "HOME", "PATH", "GIVEN"} {
		if err := s.Setenv(name, "/client"); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.Output(`echo "$USER $HOME $PATH $GIVEN"`); err != nil || strings.Contains(string(out), "/client") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestSignals(t *testing.T) {
	c := connect(t, &session.Runner{})
	s := newSession(t, c)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("echo ready; exec sleep 60"); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 6))
	s.Signal(ssh.SIGTERM)
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("%v", err)
	}
}

func TestTerminal(t *testing.T) {
	c := connect(t, &session.Runner{})
	s := newSession(t, c)
	if err := s.RequestPty("vt100", 25, 81, ssh.TerminalModes{ssh.ECHO: 0, ssh.VINTR: 3}); err != nil {
		t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	out, _ := s.StdoutPipe()
	if err := s.Start("stty size; echo $TERM; stty -a | tr ' ' '\\n' | grep -x -e -echo; read x; stty size; exec sleep 60"); err != nil {
		t.Fatal(err)
	}
	seen := ""
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, 256)
		for !strings.Contains(seen, want) {
			n, err := out.Read(buf)
			if seen += string(buf[:n]); err != nil {
				t.Fatalf("%q, %v; want %q", seen, err, want)
			}
		}
	}
	expect("25 81\r\nvt100\r\n-echo\r\n")
	if err := s.WindowChange(26, 82); err != nil {
		t.Error(err)
	}
	time.Sleep(200 * time.Millisecond) // the size is set on a goroutine that nobody can wait for
	io.WriteString(in, "\n")
	expect("26 82")
	io.WriteString(in, "\x03")
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) {
		t.Errorf("interrupted by its terminal: %v", err)
	}
}

func TestForcedAndSubsystems(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "f"), []byte("content"), 0o600)
	c := connect(t, &session.Runner{
		Subsystems: map[string]session.Subsystem{"sftp": sftp.Config{Home: dir}.Serve},
		Force: func(s *sshd.Session) string {
			if s.Command() == "free" {
				return "echo forced $SSH_ORIGINAL_COMMAND"
			}
			return ""
		},
	})
	if out, err := newSession(t, c).Output("free"); err != nil || string(out) != "forced free\n" {
		t.Errorf("%q, %v", out, err)
	}
	files, err := pkgsftp.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	f, err := files.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	s := newSession(t, c)
	errs, _ := s.StderrPipe()
	if err := s.RequestSubsystem("none"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(errs); err != nil || !strings.Contains(string(text), session.ErrSubsystem.Error()) {
		t.Errorf("subsystem that there is not: %q, %v", text, err)
	}
}

// A program in a terminal is hung up on when the client is gone.
func TestHangUp(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // undoes nohup(1), which the program would inherit
	defer signal.Stop(heard)
	c := connect(t, &session.Runner{})
	file := filepath.Join(t.TempDir(), "hup")
	s := newSession(t, c)
	if err := s.RequestPty("vt100", 25, 80, nil); err != nil {
		t.Fatal(err)
	}
	out, _ := s.StdoutPipe()
	if err := s.Start("trap 'echo x >" + file + "; exit' HUP; echo ready; sleep 60 & wait"); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 6))
	c.Close()
	awaitFile(t, file, []byte("x\n"))
}

// A program without a terminal gets all that the client has sent, and goes on to its end,
// also when the client has left since.
func TestInputOfAClientThatLeavesArrives(t *testing.T) {
	input := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	for name, leave := range map[string]func(*ssh.Client, *ssh.Session){
		"channel":    func(_ *ssh.Client, s *ssh.Session) { s.Close() },
		"connection": func(c *ssh.Client, s *ssh.Session) { s.Close(); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, &session.Runner{})
			file := filepath.Join(t.TempDir(), "f")
			s := newSession(t, c)
			in, _ := s.StdinPipe()
			if err := s.Start("sleep 0.3; cat >" + file + ".part; mv " + file + ".part " + file); err != nil {
				t.Fatal(err)
			}
			if _, err := in.Write(input); err != nil {
				t.Fatal(err)
			}
			leave(c, s)
			awaitFile(t, file, input)
		})
	}
}

// A client may send all of its input before it reads anything, to a program that has
// stopped reading.
func TestInputThatNobodyReadsStopsNoClient(t *testing.T) {
	c := connect(t, &session.Runner{})
	s := newSession(t, c)
	in, _ := s.StdinPipe()
	out, _ := s.StdoutPipe()
	if err := s.Start("exec <&-; echo closed; while ! test -e go; do sleep 0.05; done; echo end"); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 7))
	sent := make(chan error, 1)
	go func() { // ends with the connection
		_, err := in.Write(make([]byte, 16<<20))
		sent <- err
	}()
	select {
	case err := <-sent:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the client is stuck")
	}
	if err := newSession(t, c).Run("touch go"); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(out); err != nil || string(rest) != "end\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

// awaitFile waits until a file has this content.
func awaitFile(t *testing.T, file string, want []byte) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, err := os.ReadFile(file)
		if err == nil && bytes.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
	}
}
