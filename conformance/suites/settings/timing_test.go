package settings

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// Settings of time are in seconds: one is the least that can be seen, and slack is what a
// busy machine may add.
const slack = 3 * time.Second

// ends returns how long a client is served that only reads, limit if that is longer. It
// reads on without answering anything, and counts keep-alive requests.
func ends(t *testing.T, c *peer.Conn, limit time.Duration) (took time.Duration, keepAlives int) {
	t.Helper()
	start := time.Now()
	timer := time.AfterFunc(limit, func() { c.Close() })
	defer timer.Stop()
	for {
		p, err := c.ReadPacket()
		if err != nil {
			return time.Since(start), keepAlives
		}
		if p[0] == peer.MsgGlobalRequest && peer.Parse(p).Text() == "keepalive@openssh.com" {
			keepAlives++
		}
	}
}

func between(t *testing.T, what string, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s: %v, want %v to %v", what, got, least, most)
	}
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	cover.Covers(t, "config.default-idle-timeout.zero", "config.default-idle-timeout.disconnect")
	d := facade.New(t)
	if got := facade.Get(t, d, "DefaultIdleTimeout"); got != "0" {
		t.Errorf("the default is %s", got)
	}
	addr := facade.Listen(t, d)
	unlimited := facade.Login(t, addr)
	facade.Set(t, d, "DefaultIdleTimeout=1")
	limited, busy := facade.Login(t, addr), facade.Login(t, addr)
	ch := facade.Session(t, busy)
	stop := make(chan bool)
	go func() {
		defer close(stop)
		for range 10 {
			time.Sleep(200 * time.Millisecond)
			fmt.Fprint(ch, "busy")
		}
	}()
	took, _ := ends(t, limited, 10*time.Second)
	between(t, "the idle client was served", took, 900*time.Millisecond, time.Second+slack)
	<-stop
	for what, c := range map[string]*peer.Conn{"that was there before": unlimited, "that is busy": busy} {
		if ok, err := c.OpenChannel("session"); err != nil {
			t.Errorf("the client %s: %v, %v", what, ok, err)
		}
	}
	facade.Refused(t, d, "a negative time", assign(d, "DefaultIdleTimeout=-1"), invalid)
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	const k = "config.keepalive."
	cover.Covers(t, k+"interval.default", k+"interval.sends", k+"count-max.default", k+"count-max.disconnect")
	var all sync.WaitGroup
	defer all.Wait()
	for _, tt := range []struct {
		assign      []string
		asked       int
		least, most time.Duration
	}{
		{[]string{"SSHKeepAliveCountMax=2"}, 0, 2 * time.Second, slack}, // until it goes away itself
		{[]string{"SSHKeepAliveInterval=1", "SSHKeepAliveCountMax=2"}, 2, 2500 * time.Millisecond, 3*time.Second + slack},
		{[]string{"SSHKeepAliveInterval=1"}, 5, 5500 * time.Millisecond, 6*time.Second + slack},
	} {
		d := facade.New(t)
		if i, n := facade.Get(t, d, "SSHKeepAliveInterval"), facade.Get(t, d, "SSHKeepAliveCountMax"); i != "0" || n != "5" {
			t.Errorf("the defaults are %s and %s", i, n)
		}
		facade.Set(t, d, tt.assign...)
		c, limit := facade.Login(t, facade.Listen(t, d)), 15*time.Second
		if tt.asked == 0 {
			limit = 2500 * time.Millisecond
		}
		all.Go(func() {
			took, asked := ends(t, c, limit)
			if asked != tt.asked {
				t.Errorf("%q: asked %d times, want %d", tt.assign, asked, tt.asked)
			}
			between(t, fmt.Sprintf("%q: the silent client was served", tt.assign), took, tt.least, tt.most)
		})
	}
}

// TestKeepAliveOfTheLiving: a client that answers stays, and one that is busy is not asked.
func TestKeepAliveOfTheLiving(t *testing.T) {
	t.Parallel()
	cover.Covers(t, "config.keepalive.count-max.reset-on-response", "config.keepalive.interval.activity-resets")
	d := facade.New(t)
	facade.Set(t, d, "SSHKeepAliveInterval=1", "SSHKeepAliveCountMax=1")
	addr := facade.Listen(t, d)
	answering, busy := facade.Login(t, addr), facade.Login(t, addr)
	ch := facade.Session(t, busy)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		for range 12 {
			time.Sleep(200 * time.Millisecond)
			fmt.Fprint(ch, "x")
		}
	})
	all.Go(func() {
		if _, asked := ends(t, busy, 2300*time.Millisecond); asked != 0 {
			t.Errorf("a busy client was asked %d times", asked)
		}
	})
	for range 3 { // each of them would be one too many, had the last not been answered
		p, err := answering.Expect(peer.MsgGlobalRequest)
		facade.Must(t, err)
		if name := peer.Parse(p).Text(); name != "keepalive@openssh.com" {
			t.Errorf("asked for %q", name)
		}
		facade.Must(t, answering.WritePacket(peer.Msg(peer.MsgRequestFailure)))
	}
	facade.Session(t, answering)
}

// silences are the moments at which a client can fall silent before it has logged in.
var silences = []struct {
	name string
	talk func(*peer.Conn) error
}{
	{"at once", func(*peer.Conn) error { return nil }},
	{"behind its version", func(c *peer.Conn) error { return c.ExchangeVersions() }},
	{"behind the key exchange", func(c *peer.Conn) error { return c.Rekey() }},
	{"behind the service request", func(c *peer.Conn) error { return c.RequestService("ssh-userauth") }},
}

func TestConnectionTimeout(t *testing.T) {
	t.Parallel()
	for limit, id := range map[string]string{"0": "zero", "1": "handshake"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			cover.Covers(t, "config.default-connection-timeout."+id)
			d := facade.New(t)
			if got := facade.Get(t, d, "DefaultConnectionTimeout"); got != "0" {
				t.Errorf("the default is %s", got)
			}
			if limit != "0" {
				facade.Set(t, d, "DefaultConnectionTimeout="+limit)
			}
			addr := facade.Listen(t, d)
			var all sync.WaitGroup
			defer all.Wait()
			for i, silence := range silences {
				c, err := peer.Open(t.Context(), addr, peer.Options{})
				facade.Must(t, err)
				for _, step := range silences[:i+1] {
					facade.Must(t, step.talk(c))
				}
				all.Go(func() { fallsSilent(t, c, silence.name, limit == "0") })
			}
		})
	}
}

// fallsSilent sees whether a client that says nothing is served for longer than a second.
func fallsSilent(t *testing.T, c *peer.Conn, when string, unlimited bool) {
	defer c.Close()
	const longer = 2500 * time.Millisecond
	start := time.Now()
	if err := c.Raw().SetReadDeadline(start.Add(longer)); err != nil {
		t.Error(err)
	}
	_, err := io.Copy(io.Discard, c.Raw())
	timeout, ok := err.(net.Error)
	if open := ok && timeout.Timeout(); open != unlimited {
		t.Errorf("silent %s: still open: %v", when, open)
	}
	if !unlimited {
		between(t, "silent "+when+", served", time.Since(start), 900*time.Millisecond, longer)
	}
}

// TestConnectionTimeoutOfSilence: who keeps talking may take longer than the limit.
func TestConnectionTimeoutOfSilence(t *testing.T) {
	t.Parallel()
	cover.Covers(t, "config.default-connection-timeout.inactivity-only")
	d := facade.New(t)
	facade.Set(t, d, "DefaultConnectionTimeout=1")
	c, err := peer.Open(t.Context(), facade.Listen(t, d), peer.Options{})
	facade.Must(t, err)
	defer c.Close()
	for _, step := range silences {
		facade.Must(t, step.talk(c))
		time.Sleep(500 * time.Millisecond)
	}
	if r, err := c.AuthPassword(facade.User, facade.Password); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestRekeying: new keys are in use as often as data has reached the threshold, which is
// not near by default.
func TestRekeying(t *testing.T) {
	cover.Covers(t, "config.key-renegotiation-threshold.default", "config.key-renegotiation-threshold.bytes")
	const total, threshold = 24 << 20, 4 << 20
	for _, tt := range []struct {
		assign      string
		least, most int // key exchanges behind the first
	}{{"", 0, 0}, {fmt.Sprint("KeyRenegotiationThreshold=", threshold), 3, 7}} {
		d := facade.New(t)
		if got := facade.Get(t, d, "KeyRenegotiationThreshold"); got != fmt.Sprint(1<<30) {
			t.Errorf("the default is %s", got)
		}
		if tt.assign != "" {
			facade.Set(t, d, tt.assign)
		}
		c := facade.Login(t, facade.Listen(t, d))
		ch := facade.Session(t, c)
		id := facade.Newest(t, d)
		sent := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < total && err == nil; i += 32 << 10 {
				err = d.SendBytes(id, make([]byte, 32<<10))
			}
			sent <- err
		}()
		if n, err := io.CopyN(io.Discard, ch, total); err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		facade.Must(t, <-sent)
		if n := c.KeyExchanges - 1; n < tt.least || n > tt.most {
			t.Errorf("%q: %d exchanges in %d bytes", tt.assign, n, total)
		}
	}
}

func TestSelectWait(t *testing.T) {
	cover.Covers(t, "config.select-wait-millis.default", "config.select-wait-millis.wait")
	d := daemon.New()
	defer d.Close()
	for _, tt := range []struct {
		assign string
		wait   time.Duration
	}{{"", 20 * time.Millisecond}, {"SelectWaitMillis=300", 300 * time.Millisecond}, {"SelectWaitMillis=0", 0}} {
		if tt.assign == "" {
			if got := facade.Get(t, d, "SelectWaitMillis"); got != "20" {
				t.Errorf("the default is %s", got)
			}
		} else {
			facade.Set(t, d, tt.assign)
		}
		start := time.Now()
		d.DoEvents()
		between(t, "DoEvents behind "+tt.assign, time.Since(start), tt.wait-2*time.Millisecond, tt.wait+150*time.Millisecond)
	}
}

// TestIdleEvents: events wait for DoEvents when that is so chosen, and only then.
func TestIdleEvents(t *testing.T) {
	cover.Covers(t, "config.process-idle-events.default", "config.process-idle-events.false")
	d := facade.New(t)
	if got := facade.Get(t, d, "ProcessIdleEvents"); got != "True" {
		t.Errorf("the default is %s", got)
	}
	addr := facade.Listen(t, d)
	facade.Login(t, addr) // without DoEvents
	facade.Set(t, d, "ProcessIdleEvents=False")
	done := make(chan error, 1)
	go func() {
		c, err := peer.Dial(t.Context(), addr, peer.Options{})
		if err == nil {
			defer c.Close()
			err = c.RequestService("ssh-userauth")
		}
		if err == nil {
			_, err = c.AuthPassword(facade.User, facade.Password)
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("served without DoEvents: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	for range 1000 {
		d.DoEvents()
		select {
		case err := <-done:
			facade.Must(t, err)
			return
		default:
		}
	}
	t.Error("not served with DoEvents")
}
