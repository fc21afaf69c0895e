package properties

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// A list is a property that lists algorithms.
type list struct {
	prefix   string // of its ids
	get      func(*daemon.Daemon) string
	set      func(*daemon.Daemon, string) error
	place    [2]int // of both directions in KEXINIT
	assigned string // in an order that is not the default one
	offer    func(*peer.Options, ...string)
	chosen   func(peer.Algorithms) [2]string
	other    string // supported by the client, but not assigned
}

var lists = []list{
	{
		"prop.ssh-compression-algorithms.", (*daemon.Daemon).SSHCompressionAlgorithms, (*daemon.Daemon).SetSSHCompressionAlgorithms,
		[2]int{6, 7}, "zlib,none",
		func(o *peer.Options, names ...string) { o.Compressions = names },
		func(a peer.Algorithms) [2]string { return [2]string{a.CompressionOut, a.CompressionIn} }, "zlib@openssh.com",
	}, {
		"prop.ssh-encryption-algorithms.", (*daemon.Daemon).SSHEncryptionAlgorithms, (*daemon.Daemon).SetSSHEncryptionAlgorithms,
		[2]int{2, 3}, "aes128-gcm@openssh.com,aes256-cbc,aes192-ctr",
		func(o *peer.Options, names ...string) { o.Ciphers = names },
		func(a peer.Algorithms) [2]string { return [2]string{a.CipherOut, a.CipherIn} }, "aes256-ctr",
	},
}

// documented is the default of a behaviour.
func documented(t *testing.T, id string) string {
	t.Helper()
	for _, item := range catalogue.Items() {
		if item.ID == id && item.Default != nil {
			return *item.Default
		}
	}
	t.Fatalf("%s has no default", id)
	return ""
}

func TestAlgorithmLists(t *testing.T) {
	for _, l := range lists {
		t.Run(l.prefix, func(t *testing.T) {
			t.Run("default", l.testDefault)
			t.Run("assigned", l.testAssigned)
			t.Run("nothing in common", l.testNothing)
			t.Run("nothing supported", l.testUnsupported)
		})
	}
}

// proposed checks what both directions of the KEXINIT have.
func (l *list) proposed(t *testing.T, addr, want string) {
	t.Helper()
	proposal := facade.Proposal(t, addr)
	for _, place := range l.place {
		if got := strings.Join(proposal[place], ","); got != want {
			t.Errorf("proposed %q, want %q", got, want)
		}
	}
}

func (l *list) testDefault(t *testing.T) {
	cover.Covers(t, l.prefix+"default")
	d, want := facade.New(t), documented(t, l.prefix+"default")
	if got := l.get(d); got != want {
		t.Errorf("the default is %q", got)
	}
	l.proposed(t, facade.Listen(t, d), want)
}

// testAssigned: of an assigned list the client's order decides.
func (l *list) testAssigned(t *testing.T) {
	cover.Covers(t, l.prefix+"list-applied", l.prefix+"preference")
	d := facade.New(t)
	facade.Must(t, l.set(d, l.assigned))
	addr := facade.Listen(t, d)
	l.proposed(t, addr, l.assigned)
	names := strings.Split(l.assigned, ",")
	for _, first := range names {
		var opts peer.Options
		rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == first })
		l.offer(&opts, append([]string{l.other, first}, rest...)...)
		if got := l.chosen(facade.Connect(t, addr, opts).Algorithms); got != [2]string{first, first} {
			t.Errorf("chosen %q, want %q", got, first)
		}
	}
}

// testNothing: what is not in the list is not used, and the server says why.
func (l *list) testNothing(t *testing.T) {
	cover.Covers(t, l.prefix+"no-common")
	d := facade.New(t)
	facade.Must(t, l.set(d, l.assigned))
	events, failed, gone := facade.Events(), make(chan *daemon.ErrorEvent, 1), make(chan *daemon.Disconnected, 1)
	events.Error = func(e *daemon.ErrorEvent) { failed <- e }
	events.Disconnected = func(e *daemon.Disconnected) { gone <- e }
	addr := facade.Start(t, d, events)
	var opts peer.Options
	l.offer(&opts, l.other)
	if c, err := peer.Dial(context.Background(), addr, opts); err == nil {
		c.Close()
		t.Error("the connection came about")
	}
	if e := <-failed; e.ErrorCode == 0 || e.Description == "" {
		t.Errorf("Error %+v", e)
	}
	if e := <-gone; e.StatusCode == 0 {
		t.Errorf("Disconnected %+v", e)
	}
	l.offer(&opts, l.other, strings.Split(l.assigned, ",")[0])
	facade.Connect(t, addr, opts)
}

func (l *list) testUnsupported(t *testing.T) {
	cover.Covers(t, l.prefix+"at-least-one")
	d := facade.New(t)
	before := l.get(d)
	for _, bad := range []string{"", ",", "rot13", "rot13,rot26"} {
		facade.Refused(t, d, "the list "+bad, l.set(d, bad), invalid)
	}
	if got := l.get(d); got != before {
		t.Errorf("behind the refusals it is %q", got)
	}
	first := strings.Split(l.assigned, ",")[0]
	facade.Must(t, l.set(d, "rot13,"+first))
	l.proposed(t, facade.Listen(t, d), first)
}
