package config

import (
	"os"
	"time"
)

// Options is what the configuration says, for the server or for one connection. A string
// that sshd_config(5) calls "none" is empty here.
type Options struct {
	// Where to listen and who the server is. These are the same for all connections.
	Ports            []uint16
	AddressFamily    string // "any", "inet" or "inet6"
	ListenAddresses  []ListenAddress
	HostKeys         []string // files
	HostCertificates []string // files of OpenSSH certificates for host keys
	HostCertStores   []HostCertStore
	PidFile          string
	LoginGraceTime   time.Duration // 0: no limit
	MaxStartups      MaxStartups
	VersionAddendum  string
	StrictModes      bool
	AlgorithmProfile string
	Settings         []string // NAME=VALUE, as documented for the facade

	// Algorithm lists, as written: names and patterns, after "+", "-" or "^" a change of
	// the profile's list, empty the profile's list itself.
	Ciphers                  string
	MACs                     string
	KexAlgorithms            string
	HostKeyAlgorithms        string
	PubkeyAcceptedAlgorithms string
	RekeyLimit               RekeyLimit
	RequiredRSASize          int // bits

	// Who may in, and how.
	AllowUsers, DenyUsers, AllowGroups, DenyGroups []string

	PermitRootLogin              string // "yes", "no", "prohibit-password" or "forced-commands-only"
	PasswordAuthentication       bool
	PubkeyAuthentication         bool
	KbdInteractiveAuthentication bool
	AuthenticationMethods        []string // lists of methods that must all succeed; nil: any one method
	AuthorizedKeysFile           []string // with tokens; see ExpandPath
	AuthorizedPrincipalsFile     string   // with tokens
	TrustedUserCAKeys            string
	MaxAuthTries                 int
	Banner                       string // file

	// What a user may do.
	AcceptEnv          []string // patterns
	SetEnv             []string // NAME=VALUE
	ForceCommand       string
	PermitTTY          bool
	AllowTcpForwarding string   // "yes", "no", "local" or "remote"
	GatewayPorts       string   // "yes", "no" or "clientspecified"
	PermitOpen         []string // host:port; nil: any
	PermitListen       []string // port or host:port; nil: any
	DisableForwarding  bool

	AllowStreamLocalForwarding string // as AllowTcpForwarding
	StreamLocalBindMask        os.FileMode
	StreamLocalBindUnlink      bool

	MaxSessions int
	Subsystems  []Subsystem

	ClientAliveInterval time.Duration // 0: no messages
	ClientAliveCountMax int           // 0: the connection is never ended

	LogLevel string
}

// A ListenAddress is an address to listen on.
type ListenAddress struct {
	Host string // "" is every address
	Port uint16 // 0: on each of Options.Ports
}

// A HostCertStore is a certificate store that holds a host identity.
type HostCertStore struct {
	Location string
	Type     int // number of the store type
	Password Secret
	Subject  string

	given []string // which of its keywords were
}

// A Subsystem is a name and the command line that serves it.
type Subsystem struct{ Name, Command string }

// MaxStartups says how many connections may be unauthenticated: from Start on Rate percent
// of new ones are refused, rising to all at Full.
type MaxStartups struct{ Start, Rate, Full int }

// RekeyLimit says when keys are exchanged again. Zero values leave it to the profile.
type RekeyLimit struct {
	Bytes    int64
	Interval time.Duration
}
