package daemon_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// opened starts a Daemon with one channel whose client reads only when told.
func opened(t *testing.T, d *daemon.Daemon, change func(*daemon.Events)) (id string, p *pipe) {
	t.Helper()
	e := echo(d)
	e.SSHChannelDataIn = nil
	if change != nil {
		change(&e)
	}
	p = shell(t, dial(t, listen(t, d, e), nil))
	id, err := d.ChannelId(0)
	must(t, err)
	return id, p
}

// TestWouldBlock: with timeout 0 a send takes what it can, and ReadyToSend tells when it
// can take more.
func TestWouldBlock(t *testing.T) {
	d := fresh(t)
	must(t, d.SetDefaultTimeout(0))
	ready := make(chan bool, 100)
	id, p := opened(t, d, func(e *daemon.Events) {
		e.SSHChannelReadyToSend = func(*daemon.SSHChannelReadyToSend) { ready <- true }
	})
	<-ready // when it was opened
	data := make([]byte, 8<<20)
	rand.Read(data)
	got := make(chan []byte, 1)
	var failures int
	reading := false
	for rest := data; len(rest) > 0; {
		err := d.SendBytes(id, rest)
		n, _ := d.BytesSent(id)
		rest = rest[n:]
		if err == nil {
			continue
		}
		if !errors.Is(err, daemon.ErrWouldBlock) {
			t.Fatal(err)
		}
		failures++
		if !reading {
			if is, err := d.ReadyToSend(id); is || err != nil {
				t.Error("ready, while the client's window is full", err)
			}
			reading = true
			go func() {
				b := make([]byte, len(data))
				io.ReadFull(p.out, b)
				got <- b
			}()
		}
		select {
		case <-ready:
		case <-time.After(5 * time.Second):
			t.Fatal("no SSHChannelReadyToSend")
		}
	}
	if failures == 0 {
		t.Error("8 MiB went out at once")
	}
	if !bytes.Equal(<-got, data) {
		t.Error("what came is not what was sent")
	}
	eventually(t, "ready", func() bool { is, _ := d.ReadyToSend(id); return is })
}

// TestStalled: with a timeout a send waits while something moves, and no longer.
func TestStalled(t *testing.T) {
	d := fresh(t)
	must(t, d.SetDefaultTimeout(1))
	id, p := opened(t, d, nil)
	data := make([]byte, 3<<20)
	start := time.Now()
	err := d.SendBytes(id, data)
	var timeout net.Error
	if daemon.CodeOf(err) != 10060 || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 900*time.Millisecond || took > 3*time.Second {
		t.Errorf("after %v", took)
	}
	n, _ := d.BytesSent(id)
	if n == 0 || n >= len(data) {
		t.Errorf("%d bytes sent", n)
	}
	slow := make(chan error, 1)
	go func() { slow <- d.SendBytes(id, data) }()
	buf := make([]byte, 512<<10)
	for range 4 { // 1.6 s altogether, but never 1 s without a byte
		time.Sleep(400 * time.Millisecond)
		_, err := io.ReadFull(p.out, buf)
		must(t, err)
	}
	go io.Copy(io.Discard, p.out)
	must(t, <-slow)
}

// TestText: SendText obeys CodePage.
func TestText(t *testing.T) {
	d := fresh(t)
	id, p := opened(t, d, nil)
	must2(t)(d.Config("CodePage=1252"))
	must(t, d.SendText(id, "é€"))
	p.expect(t, "", "\xe9\x80")
	if err := d.SendText(id, "Ж"); err == nil {
		t.Error("a character that the page lacks was sent")
	}
	if _, err := d.Config("CodePage=4711"); err == nil {
		t.Error("an unknown page was taken")
	}
	if b, err := d.SetSSHParam(nil, "s", "é"); err != nil || string(b) != "\x00\x00\x00\x01\xe9" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestOpenChannel: the server opens one, and the client's exit-status arrives as an event.
func TestOpenChannel(t *testing.T) {
	d := fresh(t)
	var j journal
	e := echo(d)
	e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { j.add("opened %s", e.ChannelId) }
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		status, err := d.GetSSHParam(e.Packet[len(e.Packet)-4:], "%i")
		j.add("%s %s %v", e.RequestType, status, err)
	}
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { j.add("%s", e.Data) }
	c := dial(t, listen(t, d, e), nil)
	go func() {
		n := <-c.HandleChannelOpen("tool@gatehouse.example")
		ch, requests, err := n.Accept()
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		io.WriteString(ch, "hi")
		ch.SendRequest("exit-status", false, []byte{0, 0, 0, 7})
	}()
	id, err := d.OpenChannel(1, "tool@gatehouse.example")
	must(t, err)
	eventually(t, "exit status", func() bool { return strings.HasPrefix(last(j.all()), "exit-status") })
	if got := strings.Join(j.all(), ", "); got != "opened "+id+", hi, exit-status 7 <nil>" {
		t.Error(got)
	}
	if _, err := d.OpenChannel(1, "unknown@gatehouse.example"); err == nil {
		t.Error("a refused channel was opened")
	}
	if n := d.SSHChannelCount(); n != 1 {
		t.Errorf("%d channels", n)
	}
	must(t, d.CloseChannel(id))
	if err := d.SendBytes(id, []byte("x")); err == nil {
		t.Error("sent on a closed channel")
	}
}

// TestExitStatus: a packet of the application's own.
func TestExitStatus(t *testing.T) {
	d := fresh(t)
	id, p := opened(t, d, nil)
	payload, err := d.SetSSHParam(nil, "s", "exit-status")
	must(t, err)
	payload, err = d.SetSSHParam(payload, "f", "false")
	must(t, err)
	payload, err = d.SetSSHParam(payload, "i", "0x2a")
	must(t, err)
	must(t, d.SendSSHPacket(id, 98, payload))
	must(t, d.CloseChannel(id))
	var exit *ssh.ExitError
	if err := p.session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 42 {
		t.Error(err)
	}
}

// TestExchangeKeys: traffic goes on under new keys.
func TestExchangeKeys(t *testing.T) {
	d := fresh(t)
	var rekeyed atomic.Int32
	e := echo(d)
	e.SSHStatus = func(e *daemon.SSHStatus) {
		if strings.HasPrefix(e.Message, "New keys") {
			rekeyed.Add(1)
		}
	}
	p := shell(t, dial(t, listen(t, d, e), nil))
	p.expect(t, "before", "before")
	must(t, d.ExchangeKeys(1))
	p.expect(t, "during", "during")
	eventually(t, "new keys", func() bool { return rekeyed.Load() == 1 })
	p.expect(t, "after", "after")
}

// TestReuse: ids are used again, unique ids are not; more than MaxConnections are closed.
func TestReuse(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("MaxConnections=2"))
	addr := listen(t, d, echo(d))
	uid := func() string {
		u, err := d.Config("ConnectionUID[1]")
		must(t, err)
		return u
	}
	first, second := dial(t, addr, nil), dial(t, addr, nil)
	before := uid()
	if _, err := try(addr, nil); err == nil {
		t.Error("a third connection was served")
	}
	must(t, d.SetSSHConnectionConnected(1, false))
	first.Wait()
	eventually(t, "its end", func() bool { return uid() == "0" })
	dial(t, addr, nil)
	if after := uid(); after == before || after == "0" {
		t.Errorf("unique ids %s and %s", before, after)
	}
	must(t, d.SetListening(false))
	if _, err := try(addr, nil); err == nil {
		t.Error("connected after StopListening")
	}
	shell(t, second).expect(t, "still", "still")
	must(t, d.Shutdown())
	second.Wait()
	eventually(t, "nobody left", func() bool { return d.SSHConnectionCount() == 0 })
}

// TestAlternatives: the negotiated algorithm chooses the certificate.
func TestAlternatives(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("AltSSHCertCount=1"))
	must2(t)(d.Config("AltSSHCertStoreType[0]=7"))
	must2(t)(d.Config("AltSSHCertStore[0]=" + string(testkeys.PEM("rsa2048"))))
	must2(t)(d.Config("AltSSHCertSubject[0]=*"))
	addr := listen(t, d, echo(d))
	for algorithm, key := range map[string]string{"ssh-ed25519": "ssh-ed25519", "rsa-sha2-256": "ssh-rsa"} {
		dial(t, addr, func(c *ssh.ClientConfig) {
			c.HostKeyAlgorithms = []string{algorithm}
			c.HostKeyCallback = func(_ string, _ net.Addr, k ssh.PublicKey) error {
				if k.Type() != key {
					t.Errorf("%s: a key of type %s", algorithm, k.Type())
				}
				return nil
			}
		})
	}
	if _, err := d.Config("AltSSHCertCount=2"); !errors.Is(err, daemon.ErrAlreadyListening) {
		t.Error(err)
	}
}
