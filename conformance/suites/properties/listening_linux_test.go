package properties

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// reaches reports whether an address of a Daemon's port answers.
func reaches(d *daemon.Daemon, host string) bool {
	nc, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(d.LocalPort())))
	if err != nil {
		return false
	}
	defer nc.Close()
	greeting := make([]byte, 4)
	_, err = nc.Read(greeting)
	return err == nil && string(greeting) == "SSH-"
}

func TestListening(t *testing.T) {
	cover.Covers(t, "prop.listening.default-false", "prop.listening.set-true", "prop.listening.set-false")
	d := facade.New(t)
	if d.Listening() {
		t.Fatal("a new Daemon listens")
	}
	facade.Must(t, d.SetListening(true))
	if !d.Listening() || !reaches(d, "127.0.0.1") {
		t.Fatal("it does not listen")
	}
	c := login(t, d, facade.Address(d))
	addr := facade.Address(d)
	facade.Must(t, d.SetListening(false))
	if nc, err := net.Dial("tcp", addr); err == nil {
		nc.Close()
		t.Error("a new connection is accepted")
	}
	if d.Listening() {
		t.Error("it says that it listens")
	}
	ch, id := c.session(t, d)
	facade.Must(t, d.SendBytes(id, []byte("still here")))
	got := make([]byte, 10)
	if _, err := ch.Read(got); err != nil || string(got) != "still here" {
		t.Errorf("the connection that was there has got %q, %v", got, err)
	}
	facade.Must(t, d.SetListening(true))
	if !reaches(d, "127.0.0.1") {
		t.Error("it does not listen again")
	}
}

func TestLocalHost(t *testing.T) {
	cover.Covers(t, "prop.local-host.default-hostname", "prop.local-host.bind-interface", "prop.local-host.shows-ip",
		"prop.local-host.not-persistent", "prop.local-host.locked-while-listening")
	name, err := os.Hostname()
	facade.Must(t, err)
	if got := daemon.New().LocalHost(); got != name {
		t.Errorf("the local host of a new Daemon is %q, of the system %q", got, name)
	}
	for _, tt := range []struct {
		host, shown, listening string
		first, second          bool // whether the addresses 127.0.0.1 and 127.0.0.2 answer
	}{
		{"", name, "0.0.0.0", true, true},
		{"127.0.0.1", "127.0.0.1", "127.0.0.1", true, false},
		{"127.0.0.2", "127.0.0.2", "127.0.0.2", false, true},
		{"localhost", "127.0.0.1", "127.0.0.1", true, false},
	} {
		t.Run(tt.host, func(t *testing.T) {
			d := facade.New(t)
			facade.Must(t, d.SetLocalHost(tt.host))
			if got := d.LocalHost(); got != tt.shown {
				t.Errorf("it is shown as %q", got)
			}
			facade.Listen(t, d)
			if got := d.LocalHost(); got != tt.listening {
				t.Errorf("while listening it is shown as %q", got)
			}
			if first, second := reaches(d, "127.0.0.1"), reaches(d, "127.0.0.2"); first != tt.first || second != tt.second {
				t.Errorf("127.0.0.1 answers: %v, 127.0.0.2 answers: %v", first, second)
			}
			facade.Refused(t, d, "changing it", d.SetLocalHost("127.0.0.3"), daemon.CodeLocalHostBusy)
			if got := d.LocalHost(); got != tt.listening {
				t.Errorf("behind the refusal it is %q", got)
			}
			facade.Must(t, d.Reset())
			if got := d.LocalHost(); got != name {
				t.Errorf("behind Reset it is %q", got)
			}
		})
	}
}

func TestLocalPort(t *testing.T) {
	cover.Covers(t, "prop.local-port.zero-random", "prop.local-port.read-back", "prop.local-port.locked-while-listening", "prop.local-port.exclusive")
	d, other := facade.New(t), facade.New(t)
	if n := d.LocalPort(); n != 0 {
		t.Errorf("before listening it is %d", n)
	}
	facade.Listen(t, d)
	facade.Listen(t, other)
	port := d.LocalPort()
	if port == 0 || port == other.LocalPort() || !reaches(d, "127.0.0.1") || !reaches(other, "127.0.0.1") {
		t.Errorf("ports %d and %d", port, other.LocalPort())
	}
	facade.Refused(t, d, "changing it", d.SetLocalPort(port+1), daemon.CodeLocalPortBusy)
	if d.LocalPort() != port {
		t.Errorf("behind the refusal it is %d", d.LocalPort())
	}
	facade.Must(t, other.StopListening())
	facade.Must(t, other.SetLocalPort(port))
	facade.Refused(t, other, "a port in use", other.StartListening(), 10048)
	if other.Listening() {
		t.Error("the second one says that it listens")
	}
	facade.Must(t, d.StopListening())
	facade.Must(t, other.StartListening())
	if other.LocalPort() != port {
		t.Errorf("listening on %d, set to %d", other.LocalPort(), port)
	}
	for _, n := range []int{-1, 65536} {
		facade.Refused(t, d, "a port that is none", d.SetLocalPort(n), invalid)
	}
}

// TestDefaultPort: a Daemon that nobody has told otherwise listens on port 22. Where it is
// taken or forbidden, the failure is about that port.
func TestDefaultPort(t *testing.T) {
	cover.Covers(t, "prop.local-port.default-22")
	d := facade.New(t)
	if n := daemon.New().LocalPort(); n != 22 {
		t.Errorf("it is %d", n)
	}
	facade.Must(t, d.Reset())
	facade.Must(t, d.SetLocalHost("127.0.0.22"))
	facade.Identify(t, d)
	err := d.StartListening()
	switch code := daemon.CodeOf(err); {
	case err == nil && reaches(d, "127.0.0.22") && d.LocalPort() == 22:
	case (code == 10013 || code == 10048) && strings.Contains(err.Error(), ":22:"):
	default:
		t.Errorf("listening on %d, %v", d.LocalPort(), err)
	}
}
