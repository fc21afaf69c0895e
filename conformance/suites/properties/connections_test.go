package properties

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestAccess: what can only be read has no way to be written, and the other way round.
func TestAccess(t *testing.T) {
	methods := reflect.TypeFor[*daemon.Daemon]()
	for _, tt := range []struct{ id, has, lacks string }{
		{"prop.ssh-channel-count.read-only", "SSHChannelCount", "SetSSHChannelCount"},
		{"prop.ssh-connection-count.read-only", "SSHConnectionCount", "SetSSHConnectionCount"},
		{"prop.ready-to-send.read-only", "ReadyToSend", "SetReadyToSend"},
		{"prop.data-to-send.write-only", "SetDataToSend", "DataToSend"},
		{"prop.bytes-sent.default-zero", "BytesSent", "SetBytesSent"},
		{"prop.channel-id.default-empty", "ChannelId", "SetChannelId"},
		{"prop.service.default-empty", "Service", "SetService"},
		{"prop.ssh-connection-local-address.value", "SSHConnectionLocalAddress", "SetSSHConnectionLocalAddress"},
		{"prop.ssh-connection-remote-host.value", "SSHConnectionRemoteHost", "SetSSHConnectionRemoteHost"},
		{"prop.ssh-connection-remote-port.value", "SSHConnectionRemotePort", "SetSSHConnectionRemotePort"},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			if _, ok := methods.MethodByName(tt.has); !ok {
				t.Errorf("no method %s", tt.has)
			}
			if _, ok := methods.MethodByName(tt.lacks); ok {
				t.Errorf("there is a method %s", tt.lacks)
			}
		})
	}
}

func TestConnectionCount(t *testing.T) {
	cover.Covers(t, "prop.ssh-connection-count.default-zero", "prop.ssh-connection-count.tracks", "prop.ssh-connection-connected.status")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	if d.SSHConnectionCount() != 0 || d.SSHConnectionConnected(1) {
		t.Fatalf("%d connections of a new Daemon", d.SSHConnectionCount())
	}
	var clients []client
	for n := 1; n <= 3; n++ {
		c := login(t, d, addr)
		clients = append(clients, c)
		if d.SSHConnectionCount() != n || len(d.Connections()) != n || !d.SSHConnectionConnected(c.id) {
			t.Errorf("connections %v, want %d", d.Connections(), n)
		}
	}
	clients[1].Close()
	facade.Eventually(t, "two are left", func() bool { return d.SSHConnectionCount() == 2 })
	for i, c := range clients {
		if got := d.SSHConnectionConnected(c.id); got != (i != 1) {
			t.Errorf("client %d: connected is %v", i, got)
		}
	}
	if d.SSHConnectionConnected(99) || d.SSHConnectionConnected(-1) {
		t.Error("connections that never were")
	}
}

// TestDisconnect: what was sent before the end still arrives.
func TestDisconnect(t *testing.T) {
	cover.Covers(t, "prop.ssh-connection-connected.set-false", "prop.ssh-connection-connected.linger")
	d := facade.New(t)
	events, gone := facade.Events(), make(chan *daemon.Disconnected, 2)
	events.Disconnected = func(e *daemon.Disconnected) { gone <- e }
	addr := facade.Start(t, d, events)
	c, other := login(t, d, addr), login(t, d, addr)
	ch, id := c.session(t, d)
	data := bytes.Repeat([]byte("0123456789"), 50000)
	facade.Must(t, d.SendBytes(id, data))
	facade.Must(t, d.SetSSHConnectionConnected(c.id, false))
	if d.SSHConnectionConnected(c.id) || !d.SSHConnectionConnected(other.id) {
		t.Errorf("connections %v", d.Connections())
	}
	got := make([]byte, len(data))
	if n, err := io.ReadFull(ch, got); err != nil || !bytes.Equal(got, data) {
		t.Errorf("received %d of %d bytes, %v", n, len(data), err)
	}
	if err := c.Step(); err == nil {
		t.Error("the connection goes on")
	}
	if e := <-gone; e.ConnectionId != c.id || e.StatusCode != 0 {
		t.Errorf("Disconnected %+v", e)
	}
	facade.Refused(t, d, "connecting", d.SetSSHConnectionConnected(c.id, true), invalid)
	facade.Refused(t, d, "a second time", d.SetSSHConnectionConnected(c.id, false), daemon.CodeBadConnection)
	if _, err := other.OpenChannel("session"); err != nil {
		t.Errorf("the other connection: %v", err)
	}
}

// TestAddresses has clients of several addresses connect to several addresses.
func TestAddresses(t *testing.T) {
	cover.Covers(t, "prop.ssh-connection-local-address.value", "prop.ssh-connection-remote-host.value",
		"prop.ssh-connection-remote-port.value", "prop.ssh-connection-remote-host.request-address")
	d := facade.New(t)
	facade.Must(t, d.SetLocalHost(""))
	events, requests, connected := facade.Events(), make(chan string, 1), make(chan int, 1)
	events.ConnectionRequest = func(e *daemon.ConnectionRequest) { requests <- fmt.Sprint(e.Address, " ", e.Port) }
	events.Connected = func(e *daemon.Connected) { connected <- e.ConnectionId }
	facade.Start(t, d, events)
	for _, tt := range []struct{ from, to string }{{"127.0.0.1", "127.0.0.1"}, {"127.0.0.3", "127.0.0.2"}, {"127.0.0.2", "127.0.0.4"}} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.from)}}
		nc, err := dialer.Dial("tcp", net.JoinHostPort(tt.to, fmt.Sprint(d.LocalPort())))
		facade.Must(t, err)
		defer nc.Close()
		c := peer.New(nc, peer.Options{})
		facade.Must(t, c.ExchangeVersions())
		facade.Must(t, c.Rekey())
		id, port := <-connected, nc.LocalAddr().(*net.TCPAddr).Port
		local, err1 := d.SSHConnectionLocalAddress(id)
		host, err2 := d.SSHConnectionRemoteHost(id)
		remote, err3 := d.SSHConnectionRemotePort(id)
		if local != tt.to || host != tt.from || remote != port || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("%+v: local %s, remote %s port %d, want %d; %v %v %v", tt, local, host, remote, port, err1, err2, err3)
		}
		if want, got := fmt.Sprint(host, " ", remote), <-requests; got != want {
			t.Errorf("ConnectionRequest had %s, the properties %s", got, want)
		}
	}
}

// TestIndexRange: every array refuses what is not in it.
func TestIndexRange(t *testing.T) {
	cover.Covers(t, "prop.array-index.range", "prop.ssh-connection-remote-host.invalid-id", "prop.ssh-connection-remote-port.invalid-id")
	d := facade.New(t)
	c := login(t, d, facade.Listen(t, d))
	_, channel := c.session(t, d)
	facade.Must(t, d.SetKeyboardInteractivePromptCount(1))
	ofConnection := map[string]func(int) error{
		"LocalAddress": func(i int) error { _, err := d.SSHConnectionLocalAddress(i); return err },
		"RemoteHost":   func(i int) error { _, err := d.SSHConnectionRemoteHost(i); return err },
		"RemotePort":   func(i int) error { _, err := d.SSHConnectionRemotePort(i); return err },
		"Timeout":      func(i int) error { _, err := d.SSHConnectionTimeout(i); return err },
		"new Timeout":  func(i int) error { return d.SetSSHConnectionTimeout(i, 5) },
		"Connected":    func(i int) error { return d.SetSSHConnectionConnected(i, false) },
	}
	for name, call := range ofConnection {
		for _, i := range []int{-1, 0, c.id + 1} {
			facade.Refused(t, d, fmt.Sprint(name, " of connection ", i), call(i), daemon.CodeBadConnection)
		}
		if name != "Connected" {
			facade.Must(t, call(c.id))
		}
	}
	ofChannel := map[string]func(string) error{
		"BytesSent":        func(id string) error { _, err := d.BytesSent(id); return err },
		"DataToSend":       func(id string) error { return d.SetDataToSend(id, []byte("x")) },
		"ReadyToSend":      func(id string) error { _, err := d.ReadyToSend(id); return err },
		"RecordLength":     func(id string) error { _, err := d.RecordLength(id); return err },
		"new RecordLength": func(id string) error { return d.SetRecordLength(id, 1) },
		"Service":          func(id string) error { _, err := d.Service(id); return err },
	}
	for name, call := range ofChannel {
		for _, id := range []string{"", "-1", "0", channel + "0"} {
			facade.Refused(t, d, fmt.Sprintf("%s of channel %q", name, id), call(id), invalid)
		}
		facade.Must(t, call(channel))
	}
}

func TestDefaultTimeout(t *testing.T) {
	cover.Covers(t, "prop.default-timeout.default-sixty", "prop.default-timeout.initial-value")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	timeouts := func() (all []int) {
		for _, id := range d.Connections() {
			n, err := d.SSHConnectionTimeout(id)
			facade.Must(t, err)
			all = append(all, n)
		}
		return all
	}
	login(t, d, addr)
	if n := d.DefaultTimeout(); n != 60 || !slices.Equal(timeouts(), []int{60}) {
		t.Errorf("by default it is %d, and %v", n, timeouts())
	}
	facade.Must(t, d.SetDefaultTimeout(7))
	login(t, d, addr)
	if got := timeouts(); !slices.Equal(got, []int{60, 7}) {
		t.Errorf("timeouts %v", got)
	}
	facade.Refused(t, d, "a negative one", d.SetDefaultTimeout(-1), invalid)
}
