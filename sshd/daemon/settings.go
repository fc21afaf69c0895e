package daemon

import (
	"fmt"
	"math"
	"runtime/debug"
	"strconv"

	"gatehouse/sshd"
	"gatehouse/sshd/internal/codepage"
)

// Reasons why a setting has no effect.
const (
	noWindows = "none: it chooses an I/O model of Windows, and the Go runtime has its own"
	noLibrary = "none: there is one implementation of the cryptography, the built-in one"
)

// noLimit is for numbers whose range the reference leaves open.
const noLimit = math.MaxInt32

// mostConnections is the documented upper limit of MaxConnections.
const mostConnections = 100000

// rows is the table of settings, in the order of the reference. It is the only place that
// knows a name, a default or what may not change while listening.
var rows []row

// The table refers to functions that read it.
func init() { rows = append(append(protocolRows(), serverRows()...), baseRows()...) }

// protocolRows are the settings of the SSH server.
func protocolRows() []row {
	return []row{
		certificateCount,
		certificateText("AltSSHCertStore", "MY", func(c *certificate) *string { return &c.store }, "where the certificate is: a name, a path or the content itself"),
		certificateText("AltSSHCertStorePassword", "", func(c *certificate) *string { return &c.password }, "opens the store"),
		certificateType,
		certificateSubject,
		intRow("DefaultIdleTimeout", func(o *options) *int { return &o.idleTimeout }, 0, 0, noLimit, 0,
			"seconds without traffic on its channels after which a new connection ends; 0 is never, and keep-alive messages do not count"),
		promptsOf,
		intRow("KeyRenegotiationThreshold", func(o *options) *int { return &o.rekeyThreshold }, 1<<30, 1, noLimit, 0,
			"bytes, in both directions together, after which a new connection gets new keys"),
		intRow("LogLevel", func(o *options) *int { return &o.logLevel }, 1, 0, 3, 0,
			"what the event Log shows: 0 nothing, 1 the progress of connections, 2 packets as well, 3 with their bytes"),
		intRow("MaxAuthAttempts", func(o *options) *int { return &o.maxAuthAttempts }, 6, 1, noLimit, 0,
			"failed attempts to log in that end a connection; none and offers of keys do not count, a dialogue counts once"),
		textRow("ServerSSHVersionString", func(o *options) *string { return &o.version }, sshd.Version, checkVersion,
			"the identification string for new connections"),
		intRow("SSHKeepAliveCountMax", func(o *options) *int { return &o.keepAliveCountMax }, 5, 1, noLimit, 0,
			"keep-alive messages without any answer that end a connection"),
		intRow("SSHKeepAliveInterval", func(o *options) *int { return &o.keepAliveInterval }, 0, 0, noLimit, 0,
			"seconds of silence after which the client is asked whether it is there; 0 is never"),
		listRow("SSHKeyExchangeAlgorithms", sshd.KeyExchange, func(o *options) *string { return &o.kex }, "the methods on offer to new connections, in order"),
		listRow("SSHMacAlgorithms", sshd.MAC, func(o *options) *string { return &o.macs }, "the algorithms on offer to new connections, in order"),
		listRow("SSHPublicKeyAlgorithms", sshd.HostKeyAlgorithm, func(o *options) *string { return &o.hostKeys },
			"what the server may prove its identity with, in order; it does not restrict the keys of clients"),
		textRow("SSHVersionPattern", func(o *options) *string { return &o.versionPattern }, "*SSH-1.99-*,*SSH-2.0-*", nil,
			"patterns, one of which a client's identification string must match; the protocol stays 2.0"),
		bannerOf,
	}
}

// serverRows are the settings of the TCP server.
func serverRows() []row {
	return []row{
		textRow("AllowedClients", func(o *options) *string { return &o.allowedClients }, "*", nil,
			"names and addresses, with *, of clients for which ConnectionRequest starts with Accept set"),
		boolRow("BindExclusively", func(o *options) *bool { return &o.bindExclusively }, true, 0,
			"whether no other socket can share the port; False sets SO_REUSEPORT where there is one"),
		uidOf,
		intRow("DefaultConnectionTimeout", func(o *options) *int { return &o.handshakeTimeout }, 0, 0, noLimit, 0,
			"seconds of silence, while the client has to say something before it is logged in, that end a new connection; 0 is no limit"),
		intRow("InBufferSize", func(o *options) *int { return &o.inBuffer }, 0, 0, noLimit, 0,
			"bytes of the receive buffer of new sockets; 0 and what the system refuses leave the system's own"),
		intRow("KeepAliveInterval", func(o *options) *int { return &o.tcpKeepAliveInterval }, 0, 0, noLimit, 0,
			"milliseconds between TCP keep-alive probes, rounded up to seconds; 0 is the system's. Setting it turns probes on"),
		intRow("KeepAliveRetryCount", func(o *options) *int { return &o.tcpKeepAliveRetries }, 0, 0, noLimit, 0,
			"TCP keep-alive probes without an answer that end a connection; 0 is the system's. Setting it turns probes on"),
		intRow("KeepAliveTime", func(o *options) *int { return &o.tcpKeepAliveTime }, 0, 0, noLimit, 0,
			"milliseconds of silence before the first TCP keep-alive probe, rounded up to seconds; 0 is the system's. Setting it turns probes on"),
		intRow("MaxConnections", func(o *options) *int { return &o.maxConnections }, 1000, 1, mostConnections, CodeMaxConnsBusy,
			"connections at a time; one more is closed at once"),
		intRow("OutBufferSize", func(o *options) *int { return &o.outBuffer }, 0, 0, noLimit, 0,
			"bytes of the send buffer of new sockets; 0 and what the system refuses leave the system's own"),
		boolRow("TcpNoDelay", func(o *options) *bool { return &o.noDelay }, false, 0,
			"whether new sockets send small pieces at once"),
		completionPorts,
		intRow("UseIPv6", func(o *options) *int { return &o.ipv6 }, 0, 0, 2, 0,
			"what StartListening listens on: 0 IPv4, 1 IPv6, 2 both as far as the system has them"),
		boolRow("UseWindowsMessages", func(o *options) *bool { return &o.windowsMessages }, true, CodeAlreadyListening, noWindows),
	}
}

// baseRows are the settings that all components have.
func baseRows() []row {
	return []row{
		information("BuildInfo", buildInfo(), "how this program was built"),
		codePageRow,
		information("LicenseInfo", "Product: Gatehouse\nKey: none\nSource: built in\nType: see the file LICENSE", "there is nothing to license"),
		boolRow("ProcessIdleEvents", func(o *options) *bool { return &o.idleEvents }, true, 0,
			"whether events run by themselves; False leaves them to DoEvents"),
		intRow("SelectWaitMillis", func(o *options) *int { return &o.selectWait }, 20, 0, noLimit, 0,
			"milliseconds that DoEvents waits when there is no event"),
		boolRow("UseInternalSecurityAPI", func(o *options) *bool { return &o.internalSecurity }, false, 0, noLibrary),
	}
}

// completionPorts differs from a boolean in that True clears UseWindowsMessages.
var completionPorts = bound(Setting{Name: "UseIOCP", Kind: KindBool, Default: truth(false), Frozen: CodeAlreadyListening, Effect: noWindows + ". True sets UseWindowsMessages to False"},
	func(o *options) string { return truth(o.iocp) },
	func(o *options, value string) (err error) {
		if o.iocp, err = parseBool(value); o.iocp {
			o.windowsMessages = false
		}
		return err
	})

var codePageRow = bound(Setting{Name: "CodePage", Kind: KindInt, Default: strconv.Itoa(codepage.UTF8),
	Effect: "between text and bytes, for SendText and the fields of type s; an unknown id is refused, and so is text that the page cannot hold"},
	func(o *options) string { return strconv.Itoa(o.codePage) },
	func(o *options, value string) (err error) {
		o.codePage, err = parsePage(value)
		return err
	})

// information is a row that can only be read.
func information(name, value, effect string) row {
	return row{
		Setting: Setting{Name: name, Kind: KindString, ReadOnly: true, Effect: effect},
		get:     func(*Daemon, int) (string, error) { return value, nil },
	}
}

func buildInfo() string {
	const product = "Gatehouse"
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return product
	}
	return fmt.Sprintf("%s, built by %s as part of %s %s", product, b.GoVersion, b.Main.Path, b.Main.Version)
}

// defaults are the options that properties and settings begin with.
func defaults() options {
	o := propertyDefaults()
	for _, r := range rows {
		if r.parse != nil {
			r.parse(&o, r.Default) // a test has every default accepted
		}
	}
	return o
}
