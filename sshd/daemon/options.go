package daemon

import (
	"slices"
	"strings"
	"time"

	"gatehouse/sshd"
)

// options are the values of all properties and settings that belong to the Daemon and not
// to a connection or channel. They are copied by value; nobody changes what their slices
// and pointers hold.
type options struct {
	// Properties.
	backlog        int
	authMethods    string
	defaultTimeout int
	message        string
	prompts        []sshd.Prompt
	localHost      string
	localPort      int
	compressions   string
	ciphers        string
	cert           certificate

	// Settings.
	alternatives          []certificate
	idleTimeout           int
	rekeyThreshold        int
	logLevel              int
	maxAuthAttempts       int
	version               string
	keepAliveCountMax     int
	keepAliveInterval     int
	kex, macs, hostKeys   string
	versionPattern        string
	allowedClients        string
	bindExclusively       bool
	handshakeTimeout      int
	inBuffer, outBuffer   int
	tcpKeepAliveInterval  int
	tcpKeepAliveRetries   int
	tcpKeepAliveTime      int
	maxConnections        int
	noDelay               bool
	iocp, windowsMessages bool
	ipv6                  int
	codePage              int
	idleEvents            bool
	selectWait            int
	internalSecurity      bool

	// profile has the algorithms that clients may log in with: no documented name sets
	// them, but UseProfile does.
	profile sshd.Profile
}

// settings returns the options of this moment.
func (d *Daemon) settings() options {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opts
}

// change changes options, all or nothing. It refuses with the code frozen, unless that is
// 0, while the Daemon listens.
func (d *Daemon) change(op string, frozen Code, f func(*options) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if frozen != 0 && d.listener != nil {
		return d.report(newError(frozen, op, nil))
	}
	o := d.opts
	if err := f(&o); err != nil {
		return d.report(wrap(op, err))
	}
	d.opts, d.native = o, nil
	return d.report(nil)
}

// seconds makes a duration of a documented number.
func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// config is the protocol policy that the options make.
func (o *options) config() *sshd.Config {
	minRSA := 0
	if o.profile == sshd.Reference2022 {
		minRSA = leastRSABits
	}
	return &sshd.Config{
		HostKeys: o.hostKeysLoaded(),

		Profile:           o.profile,
		KeyExchanges:      supported(sshd.KeyExchange, o.kex),
		Ciphers:           supported(sshd.Cipher, o.ciphers),
		MACs:              supported(sshd.MAC, o.macs),
		Compressions:      supported(sshd.Compression, o.compressions),
		HostKeyAlgorithms: supported(sshd.HostKeyAlgorithm, o.hostKeys),
		MinRSABits:        minRSA,

		Version: o.version,

		HandshakeTimeout:  -1, // the documented limit is one of silence
		HandshakeSilence:  seconds(o.handshakeTimeout),
		IdleTimeout:       seconds(o.idleTimeout),
		KeepAliveInterval: seconds(o.keepAliveInterval),
		KeepAliveCountMax: o.keepAliveCountMax,
		RekeyBytes:        uint64(o.rekeyThreshold),
		MaxSessions:       -1, // SSHChannelOpenRequest decides
		NoHostKeyUpdates:  true,
	}
}

// leastRSABits is the size of the smallest RSA key that the reference takes from clients.
const leastRSABits = 1024

// hostKeysLoaded returns the main certificate and the alternative ones that can sign.
func (o *options) hostKeysLoaded() []sshd.HostKey {
	var keys []sshd.HostKey
	for _, c := range append([]certificate{o.cert}, o.alternatives...) {
		if c.key != nil {
			keys = append(keys, *c.key)
		}
	}
	return keys
}

// supported returns the names of a list that are implemented, in its order.
func supported(kind sshd.AlgorithmKind, list string) []string {
	known, _ := sshd.DefaultAlgorithms("", kind) // the kinds are constants
	return slices.DeleteFunc(split(list), func(name string) bool { return !slices.Contains(known, name) })
}

// split splits a list at its commas. It is never nil.
func split(list string) []string {
	names := []string{}
	for _, name := range strings.Split(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// UseProfile replaces all lists of algorithms by those of a profile: the documented
// properties and settings then show its names.
func (d *Daemon) UseProfile(p sshd.Profile) error {
	return d.change("UseProfile", 0, func(o *options) error {
		for _, l := range []struct {
			kind sshd.AlgorithmKind
			list *string
		}{
			{sshd.KeyExchange, &o.kex}, {sshd.Cipher, &o.ciphers}, {sshd.MAC, &o.macs},
			{sshd.Compression, &o.compressions}, {sshd.HostKeyAlgorithm, &o.hostKeys},
		} {
			names, err := sshd.DefaultAlgorithms(p, l.kind)
			if err != nil {
				return newError(codeInvalid, "UseProfile", err)
			}
			*l.list = strings.Join(names, ",")
		}
		o.profile = p
		return nil
	})
}
