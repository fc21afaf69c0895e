package settings

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestAllowedClients: the event starts with what the list says, and has the last word.
func TestAllowedClients(t *testing.T) {
	const a = "config.allowed-clients."
	for _, tt := range []struct {
		list, from string // the list "" is the default
		preset     bool
		handler    string // what it sets Accept to; "" leaves it
		id         string
	}{
		{"", "127.0.0.7", true, "", a + "default"},
		{"10.1.2.3, 127.0.0.7", "127.0.0.7", true, "", a + "list"},
		{"10.1.2.3,localhost", "127.0.0.1", true, "", a + "list"},
		{"10.1.2.3,127.0.0.7", "127.0.0.8", false, "", a + "no-match"},
		{"localhost", "127.0.0.7", false, "", a + "no-match"},
		{"127.0.0.*", "127.0.0.7", true, "", a + "wildcard"},
		{"127.0.1.*", "127.0.0.7", false, "", a + "wildcard"},
		{"10.1.2.3", "127.0.0.7", false, "true", a + "override"},
		{"*", "127.0.0.7", true, "false", a + "override"},
	} {
		t.Run(tt.list+" "+tt.from+tt.handler, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			if got := facade.Get(t, d, "AllowedClients"); got != "*" {
				t.Errorf("the default is %q", got)
			}
			if tt.list != "" {
				facade.Set(t, d, "AllowedClients="+tt.list)
			}
			events, preset := facade.Events(), make(chan bool, 1)
			events.ConnectionRequest = func(e *daemon.ConnectionRequest) {
				preset <- e.Accept
				if tt.handler != "" {
					e.Accept = tt.handler == "true"
				}
			}
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.from)}}
			nc, err := dialer.Dial("tcp", facade.Start(t, d, events))
			facade.Must(t, err)
			defer nc.Close()
			err = peer.New(nc, peer.Options{}).ExchangeVersions()
			if got := <-preset; got != tt.preset {
				t.Errorf("the event starts with %v", got)
			}
			if want := tt.preset && tt.handler != "false" || tt.handler == "true"; want != (err == nil) {
				t.Errorf("the client: %v", err)
			}
		})
	}
}

func TestBindExclusively(t *testing.T) {
	const b = "config.bind-exclusively."
	cover.Covers(t, b+"default", b+"second-bind-fails", b+"false")
	d, other := facade.New(t), facade.New(t)
	if got := facade.Get(t, d, "BindExclusively"); got != "True" {
		t.Errorf("the default is %s", got)
	}
	addr := facade.Listen(t, d)
	if n := facade.Option(t, facade.Socket(t, addr, ""), unix.SOL_SOCKET, unix.SO_REUSEPORT); n != 0 {
		t.Errorf("SO_REUSEPORT is %d", n)
	}
	facade.Must(t, other.SetLocalPort(d.LocalPort()))
	for _, exclusively := range []string{"True", "False"} { // the first one has not agreed to share
		facade.Set(t, other, "BindExclusively="+exclusively)
		facade.Refused(t, other, "a port that is not shared", other.StartListening(), 10048)
	}
	facade.Must(t, d.StopListening())
	facade.Set(t, d, "BindExclusively=False")
	facade.Must(t, d.SetLocalPort(other.LocalPort()))
	facade.Must(t, d.StartListening())
	facade.Must(t, other.StartListening())
	if d.LocalPort() != other.LocalPort() {
		t.Errorf("ports %d and %d", d.LocalPort(), other.LocalPort())
	}
}

func TestConnectionUID(t *testing.T) {
	const c = "config.connection-uid."
	cover.Covers(t, c+"query", c+"distinct-on-reuse", c+"unknown")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	for _, id := range []int{0, 1, 99} {
		if got := facade.Get(t, d, fmt.Sprintf("ConnectionUID[%d]", id)); got != "0" {
			t.Errorf("connection %d, which is none, has %s", id, got)
		}
	}
	seen := map[string]bool{}
	for range 5 {
		client := facade.Login(t, addr)
		if ids := d.Connections(); len(ids) != 1 || ids[0] != 1 {
			t.Fatalf("connections %v", ids)
		}
		uid := facade.Get(t, d, "ConnectionUID[1]")
		if n, err := strconv.ParseInt(uid, 10, 64); seen[uid] || err != nil || n <= 0 || uid != facade.Get(t, d, "connectionuid[1]") {
			t.Errorf("the number %q, %v", uid, err)
		}
		seen[uid] = true
		client.Close()
		facade.Eventually(t, "the client is gone", func() bool { return d.SSHConnectionCount() == 0 })
	}
	facade.Refused(t, d, "assigning it", assign(d, "ConnectionUID[1]=7"), invalid)
}

// TestSocketOptions: what the system has for the sockets of connections that came before
// and behind an assignment.
func TestSocketOptions(t *testing.T) {
	const k = "config.tcp-keepalive."
	keepAlive := [2]int{unix.SOL_SOCKET, unix.SO_KEEPALIVE}
	for _, tt := range []struct {
		assign string
		option [2]int // level and name
		before int    // -1 is anything
		behind int
		ids    []string
	}{
		{"InBufferSize=40000", [2]int{unix.SOL_SOCKET, unix.SO_RCVBUF}, -1, 2 * 40000, []string{"config.in-buffer-size.new-connections"}}, // Linux doubles
		{"OutBufferSize=32768", [2]int{unix.SOL_SOCKET, unix.SO_SNDBUF}, -1, 2 * 32768, []string{"config.out-buffer-size.new-connections"}},
		{"TcpNoDelay=True", [2]int{unix.IPPROTO_TCP, unix.TCP_NODELAY}, 0, 1, []string{"config.tcp-no-delay.default", "config.tcp-no-delay.true"}},
		{"KeepAliveTime=4001", [2]int{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}, -1, 5, []string{k + "time"}},
		{"KeepAliveTime=5000", keepAlive, 0, 1, []string{k + "time"}},
		{"KeepAliveInterval=3000", [2]int{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}, -1, 3, []string{k + "interval"}},
		{"KeepAliveInterval=3000", keepAlive, 0, 1, []string{k + "interval"}},
		{"KeepAliveRetryCount=4", [2]int{unix.IPPROTO_TCP, unix.TCP_KEEPCNT}, -1, 4, []string{k + "retry-count"}},
		{"KeepAliveRetryCount=4", keepAlive, 0, 1, []string{k + "retry-count-enables"}},
	} {
		t.Run(tt.assign, func(t *testing.T) {
			cover.Covers(t, tt.ids...)
			d := facade.New(t)
			addr := facade.Listen(t, d)
			option := func(c *peer.Conn) int {
				return facade.Option(t, facade.ServerSocket(t, c.Raw()), tt.option[0], tt.option[1])
			}
			old := facade.Login(t, addr)
			before := option(old)
			if tt.before >= 0 && before != tt.before {
				t.Errorf("by default it is %d, want %d", before, tt.before)
			}
			facade.Set(t, d, tt.assign)
			if got := option(facade.Login(t, addr)); got != tt.behind {
				t.Errorf("of a new connection it is %d, want %d", got, tt.behind)
			}
			if got := option(old); got != before || got == tt.behind {
				t.Errorf("of the old connection it is %d, before %d", got, before)
			}
		})
	}
}

// TestBufferSizesTheSystemRefuses: the connection works with what the system has instead.
func TestBufferSizesTheSystemRefuses(t *testing.T) {
	for setting, option := range map[string]int{"in": unix.SO_RCVBUF, "out": unix.SO_SNDBUF} {
		t.Run(setting, func(t *testing.T) {
			cover.Covers(t, "config."+setting+"-buffer-size.reverts")
			for _, size := range []int{1, 1<<31 - 1} {
				d := facade.New(t)
				facade.Set(t, d, fmt.Sprintf("%sBufferSize=%d", setting, size))
				c := facade.Login(t, facade.Listen(t, d))
				if got := facade.Option(t, facade.ServerSocket(t, c.Raw()), unix.SOL_SOCKET, option); got == size || got == 2*size || got <= 0 {
					t.Errorf("size %d: the system has %d", size, got)
				}
				facade.Session(t, c)
			}
		})
	}
}

// served opens n connections and reports how many of them the server speaks on.
func served(t *testing.T, addr string, n int) (served int, conns []net.Conn) {
	t.Helper()
	for range n {
		nc, err := net.Dial("tcp", addr)
		facade.Must(t, err)
		t.Cleanup(func() { nc.Close() })
		if greeting := make([]byte, 4); greeted(nc, greeting) {
			served++
			conns = append(conns, nc)
		}
	}
	return served, conns
}

func greeted(nc net.Conn, greeting []byte) bool {
	_, err := nc.Read(greeting)
	return err == nil && string(greeting) == "SSH-"
}

func TestMaxConnections(t *testing.T) {
	const m = "config.max-connections."
	t.Run("default", func(t *testing.T) {
		cover.Covers(t, m+"default")
		d := facade.New(t)
		if n, _ := served(t, facade.Listen(t, d), 1003); n != 1000 || facade.Get(t, d, "MaxConnections") != "1000" {
			t.Errorf("%d are served", n)
		}
	})
	t.Run("more", func(t *testing.T) { // no limit of select(2)
		cover.Covers(t, m+"unix-1024")
		d := facade.New(t)
		facade.Set(t, d, "MaxConnections=1100")
		if n, _ := served(t, facade.Listen(t, d), 1101); n != 1100 || d.SSHConnectionCount() != 1100 {
			t.Errorf("%d are served", n)
		}
	})
	t.Run("limit", func(t *testing.T) {
		cover.Covers(t, m+"limit-enforced", m+"before-listening", m+"fixed-once-set", m+"upper-bound")
		d := facade.New(t)
		facade.Set(t, d, "MaxConnections=100000", "MaxConnections=3", "MaxConnections=2")
		for _, bad := range []string{"100001", "0", "-1", "many"} {
			facade.Refused(t, d, bad+" connections", assign(d, "MaxConnections=%s", bad), invalid)
		}
		addr := facade.Listen(t, d)
		facade.Refused(t, d, "changing it", assign(d, "MaxConnections=5"), daemon.CodeMaxConnsBusy)
		n, conns := served(t, addr, 4)
		if n != 2 || facade.Get(t, d, "MaxConnections") != "2" {
			t.Errorf("%d are served, and the limit is %s", n, facade.Get(t, d, "MaxConnections"))
		}
		conns[0].Close()
		facade.Eventually(t, "one has left", func() bool { return d.SSHConnectionCount() == 1 })
		if n, _ := served(t, addr, 2); n != 1 {
			t.Errorf("%d more are served", n)
		}
	})
}

func TestIPv6(t *testing.T) {
	if nc, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("this system has no IPv6: %v", err)
	} else {
		nc.Close()
	}
	for value, want := range []string{"127.0.0.1", "::1", "127.0.0.1 ::1"} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			cover.Covers(t, fmt.Sprint("config.use-ipv6.", value))
			d := facade.New(t)
			facade.Must(t, d.SetLocalHost(""))
			if got := facade.Get(t, d, "UseIPv6"); got != "0" {
				t.Errorf("the default is %s", got)
			}
			if value > 0 {
				facade.Set(t, d, fmt.Sprint("UseIPv6=", value))
			}
			facade.Listen(t, d)
			var got []string
			for _, host := range []string{"127.0.0.1", "::1"} {
				c, err := peer.Dial(context.Background(), net.JoinHostPort(host, fmt.Sprint(d.LocalPort())), peer.Options{})
				if err == nil {
					c.Close()
					got = append(got, host)
				}
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("it serves %q", text)
			}
			facade.Refused(t, d, "a value that is none", assign(d, "UseIPv6=3"), invalid)
		})
	}
}
