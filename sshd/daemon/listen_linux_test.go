package daemon

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTune: each setting reaches the socket, and what is not set is the system's.
func TestTune(t *testing.T) {
	tests := []struct {
		config      string
		level, name int
		want        func(n int) bool
	}{
		{"TcpNoDelay=False", unix.IPPROTO_TCP, unix.TCP_NODELAY, is(0)},
		{"TcpNoDelay=True", unix.IPPROTO_TCP, unix.TCP_NODELAY, is(1)},
		{"KeepAliveTime=0", unix.SOL_SOCKET, unix.SO_KEEPALIVE, is(0)},
		{"KeepAliveTime=4001", unix.SOL_SOCKET, unix.SO_KEEPALIVE, is(1)},
		{"KeepAliveTime=4001", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, is(5)},
		{"KeepAliveInterval=3000", unix.SOL_SOCKET, unix.SO_KEEPALIVE, is(1)},
		{"KeepAliveInterval=3000", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, is(3)},
		{"KeepAliveRetryCount=4", unix.SOL_SOCKET, unix.SO_KEEPALIVE, is(1)},
		{"KeepAliveRetryCount=4", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, is(4)},
		{"InBufferSize=65536", unix.SOL_SOCKET, unix.SO_RCVBUF, is(2 * 65536)}, // the system doubles it
		{"OutBufferSize=65536", unix.SOL_SOCKET, unix.SO_SNDBUF, is(2 * 65536)},
		{"InBufferSize=2147483647", unix.SOL_SOCKET, unix.SO_RCVBUF, func(n int) bool { return n < 2147483647 }},
	}
	for _, tt := range tests {
		d := New()
		if _, err := d.Config(tt.config); err != nil {
			t.Fatal(err)
		}
		o := d.settings()
		o.localHost, o.localPort = "127.0.0.1", 0
		l, err := listenTCP(&o)
		if err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		tune(nc.(*net.TCPConn), &o)
		raw, err := nc.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if err := control(raw, func(fd int) (err error) { got, err = unix.GetsockoptInt(fd, tt.level, tt.name); return err }); err != nil || !tt.want(got) {
			t.Errorf("%s: option %d is %d, %v", tt.config, tt.name, got, err)
		}
		nc.Close()
		client.Close()
		l.Close()
	}
}

func is(want int) func(int) bool { return func(n int) bool { return n == want } }

// TestListener: the backlog and the sharing of ports reach the socket.
func TestListener(t *testing.T) {
	for _, tt := range []struct {
		backlog   int
		exclusive bool
	}{{5, true}, {17, false}} {
		d := New()
		o := d.settings()
		o.localHost, o.localPort, o.backlog, o.bindExclusively = "127.0.0.1", 0, tt.backlog, tt.exclusive
		l, err := listenTCP(&o)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var info *unix.TCPInfo
		var reuse int
		err = control(raw, func(fd int) (err error) {
			if info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
				reuse, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if int(info.Sacked) != tt.backlog { // where Linux reports it
			t.Errorf("backlog %d, not %d", info.Sacked, tt.backlog)
		}
		if (reuse == 0) != tt.exclusive {
			t.Errorf("exclusive %v: SO_REUSEPORT is %d", tt.exclusive, reuse)
		}
		o.localPort = l.Addr().(*net.TCPAddr).Port
		second, err := listenTCP(&o)
		if (err != nil) != tt.exclusive {
			t.Errorf("exclusive %v: the second listener: %v", tt.exclusive, err)
		}
		if second != nil {
			second.Close()
		}
		l.Close()
	}
}

// TestFamilies: what UseIPv6 listens on.
func TestFamilies(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this system has no IPv6: ", err)
	}
	probe.Close()
	for ipv6, want := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		d := New()
		o := d.settings()
		o.localPort, o.ipv6 = 0, ipv6
		l, err := listenTCP(&o)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for i, host := range []string{"127.0.0.1", "::1"} {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second)
			if (err == nil) != want[i] {
				t.Errorf("UseIPv6=%d, %s: %v", ipv6, host, err)
			}
			if c != nil {
				c.Close()
			}
		}
		l.Close()
	}
}
