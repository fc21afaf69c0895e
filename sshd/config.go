package sshd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/mux"
)

// Version is the identification string that a server sends by default.
const Version = "SSH-2.0-Gatehouse_1.0"

// A Config is the protocol policy of a server or of one connection. It may be shared;
// sshd never modifies it, and nobody may modify it once it is in use.
type Config struct {
	// HostKeys are the server's identities. Which one signs is negotiated: the client's
	// preference among the algorithms decides. At least one is required.
	HostKeys []HostKey

	// Auth says who is let in. Its zero value lets nobody in.
	Auth Auth

	// Profile selects the frozen lists that nil lists below stand for; "" is Modern2026.
	Profile Profile
	// The algorithms on offer, in order of preference. nil means those of the Profile;
	// a name that is not in Algorithms is an error of Validate.
	KeyExchanges, Ciphers, MACs, Compressions []string
	// HostKeyAlgorithms restricts and orders what the host keys can do.
	HostKeyAlgorithms []string
	// PublicKeyAlgorithms are the signature algorithms that clients may use to authenticate.
	PublicKeyAlgorithms []string
	// MinRSABits is the size of the smallest RSA key taken from clients; 0 is 2048.
	MinRSABits int

	// Version is the identification string, without CR and LF; "" is the constant Version.
	// It must begin with "SSH-2.0-".
	Version string

	// HandshakeTimeout bounds the time from the connection to the end of authentication;
	// 0 is two minutes, a negative value no limit.
	HandshakeTimeout time.Duration
	// HandshakeSilence ends a connection whose client says nothing for so long, before it is
	// authenticated and while the server waits for it; 0 is no limit of its own.
	HandshakeSilence time.Duration
	// IdleTimeout ends a connection on whose channels nothing happened for so long; 0 is never.
	// Keep-alive messages do not count.
	IdleTimeout time.Duration
	// KeepAliveInterval is the silence after which the client is asked whether it is still
	// there; 0 is never. After KeepAliveCountMax questions without any message from the client
	// the connection ends; 0 is 3.
	KeepAliveInterval time.Duration
	KeepAliveCountMax int

	// RekeyBytes and RekeyInterval bound what keys are used for, both directions together;
	// 0 is 1 GiB (or less where the cipher asks for it) and no limit of time.
	RekeyBytes    uint64
	RekeyInterval time.Duration
	// RekeyPackets does the same by packets, 100 at least; 0 is 2^31.
	RekeyPackets uint64

	// PadCompressed gives the packets of a compressed stream a random number of blocks more
	// than they need, up to 255 bytes, so that their sizes tell less of what was compressed.
	PadCompressed bool

	// NoHostKeyUpdates keeps the server from naming all its host keys to authenticated clients
	// (hostkeys-00@openssh.com), which lets them learn new ones before old ones go.
	NoHostKeyUpdates bool

	// MaxChannels bounds the channels of a connection; 0 is 256. MaxSessions bounds those of
	// type "session"; 0 is 10, as with OpenSSH; negative means MaxChannels alone.
	MaxChannels int
	MaxSessions int
	// Window is the receive window of a new channel in bytes, 128 KiB at least; 0 is 256 KiB.
	// It doubles while the client fills it, up to MaxWindow; 0 is 16 MiB. A channel that nobody
	// reads holds up to its window in memory.
	Window, MaxWindow int

	// Moduli is a file in the format of moduli(5) for Diffie-Hellman group exchange; nil
	// means groups of RFC 3526.
	Moduli []byte

	// Rand is the source of randomness; nil is crypto/rand.
	Rand io.Reader
}

// Defaults of Config.
const (
	defaultHandshake   = 2 * time.Minute
	defaultMaxChannels = 256
	defaultMaxSessions = 10
	defaultWindow      = 256 << 10
	leastWindow        = 128 << 10
	defaultMaxWindow   = 16 << 20
	defaultRekeyBytes  = 1 << 30
	leastRekeyPackets  = 100 // an exchange is some packets itself
	defaultMinRSA      = 2048
	maxPending         = 64       // undecided opens of a connection, requests of a channel
	receivePacket      = 32 << 10 // largest data string that a client may send
)

// A ConfigError says which field of a Config cannot be used.
type ConfigError struct {
	Field string
	Err   error
}

func (e *ConfigError) Error() string { return "sshd: config: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// ErrNoHostKey says that a Config has no host key, or none that its algorithms can use.
var ErrNoHostKey = errors.New("sshd: no usable host key")

// Clone returns a copy whose lists may be changed.
func (c *Config) Clone() *Config {
	clone := *c
	return &clone
}

// Validate reports whether connections can be served with c.
func (c *Config) Validate() error {
	_, err := c.compile()
	return err
}

// compile translates c for the engine. Everything that can be wrong is found here.
func (c *Config) compile() (*engine.Config, error) {
	e := &engine.Config{
		ServerVersion: []byte(c.version()),
		RekeyBytes:    orDefault(c.RekeyBytes, defaultRekeyBytes),
		RekeyPackets:  c.RekeyPackets,
		Rand:          c.random(),

		SpreadCompressed: c.PadCompressed,
		Timers: engine.Timers{
			Handshake:     engine.Instant(max(0, orDefault(c.HandshakeTimeout, defaultHandshake))),
			Silence:       engine.Instant(c.HandshakeSilence),
			Idle:          engine.Instant(c.IdleTimeout),
			KeepAlive:     engine.Instant(c.KeepAliveInterval),
			KeepAliveMax:  c.KeepAliveCountMax,
			RekeyInterval: engine.Instant(c.RekeyInterval),
		},
		Mux: mux.Config{
			MaxChannels: orDefault(c.MaxChannels, defaultMaxChannels),
			MaxPending:  maxPending,
			Window:      uint32(orDefault(c.Window, defaultWindow)),
			MaxWindow:   uint32(orDefault(c.MaxWindow, defaultMaxWindow)),
			MaxPacket:   receivePacket,
		},
	}
	if err := checkVersion(c.version()); err != nil {
		return nil, &ConfigError{"Version", err}
	}
	if e.Mux.Window < leastWindow || e.Mux.MaxWindow < e.Mux.Window {
		return nil, &ConfigError{"Window", fmt.Errorf("%d to %d: must be %d at least and not shrink", e.Mux.Window, e.Mux.MaxWindow, leastWindow)}
	}
	if c.RekeyPackets > 0 && c.RekeyPackets < leastRekeyPackets {
		return nil, &ConfigError{"RekeyPackets", fmt.Errorf("%d: must be %d at least", c.RekeyPackets, leastRekeyPackets)}
	}
	if c.Moduli != nil {
		groups, err := kex.ParseModuli(c.Moduli)
		if err != nil {
			return nil, &ConfigError{"Moduli", err}
		}
		e.Groups = groups
	}
	if err := c.compileAlgorithms(e); err != nil {
		return nil, err
	}
	return e, c.compileHostKeys(e)
}

func checkVersion(v string) error {
	if len(v) < len("SSH-2.0-x") || v[:8] != "SSH-2.0-" || len(v) > 253 {
		return fmt.Errorf("%q does not begin with SSH-2.0- and a name, or is over 253 bytes", v)
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return fmt.Errorf("%q is not printable ASCII", v)
		}
	}
	return nil
}

func (c *Config) random() io.Reader { return orDefault(c.Rand, io.Reader(rand.Reader)) }

func (c *Config) version() string { return orDefault(c.Version, Version) }

func (c *Config) compileAlgorithms(e *engine.Config) error {
	p := orDefault(c.Profile, Modern2026)
	for _, l := range []struct {
		field string
		kind  AlgorithmKind
		from  []string
		to    *[]string
	}{
		{"KeyExchanges", KeyExchange, c.KeyExchanges, &e.KeyExchanges},
		{"Ciphers", Cipher, c.Ciphers, &e.Ciphers},
		{"MACs", MAC, c.MACs, &e.MACs},
		{"Compressions", Compression, c.Compressions, &e.Compressions},
		{"PublicKeyAlgorithms", PublicKeyAlgorithm, c.PublicKeyAlgorithms, &e.Auth.Algorithms},
	} {
		names, err := choose(l.kind, p, l.from)
		if err != nil {
			return &ConfigError{l.field, err}
		}
		*l.to = names
	}
	e.Auth = auth.Config{
		Algorithms: e.Auth.Algorithms,
		Methods:    c.Auth.methods(),
		MaxTries:   c.Auth.MaxTries,
		MinRSABits: orDefault(c.MinRSABits, defaultMinRSA),
	}
	return nil
}

// choose returns names, or those of the profile if names is nil.
func choose(kind AlgorithmKind, p Profile, names []string) ([]string, error) {
	if names == nil {
		return DefaultAlgorithms(p, kind)
	}
	known, err := DefaultAlgorithms("", kind)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if _, err := alg.Resolve(known, nil, n); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, errors.New("empty list")
	}
	return names, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
