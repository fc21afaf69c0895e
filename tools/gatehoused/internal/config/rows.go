package config

import (
	"fmt"
	"slices"
	"strings"
)

// A row is a keyword. A row with a field is implemented; one without says what becomes of
// a line that asks for it.
type row struct {
	name    string
	aliases []string
	match   bool   // legal in a Match block
	many    bool   // each line adds; else the first one wins
	raw     bool   // the argument is the rest of the line as it stands
	group   string // keyword whose lines this one belongs to
	initial string // arguments if no line gives any; "" is the zero value
	field   func(*Options) value

	harmless []string // values that ask for nothing that is missing
	missing  missing  // what any other value of a row without a field is
}

// missing is what a line with a keyword that is not implemented comes to.
type missing uint8

const (
	silent missing = iota // it changes nothing that anyone would notice
	warned                // less is done than asked
	refuse                // ignoring it would let somebody in or do more than asked
)

// rows has every keyword of sshd_config(5) and our own.
var rows = slices.Concat(serverRows, accessRows, userRows, absentRows)

var byName = func() map[string]*row {
	names := map[string]*row{}
	for i := range rows {
		for _, name := range append([]string{rows[i].name}, rows[i].aliases...) {
			key := strings.ToLower(name)
			if names[key] != nil {
				panic("config: internal error: two rows for " + name)
			}
			names[key] = &rows[i]
		}
	}
	return names
}()

// owner is the keyword that hides this one when a stronger source gives it.
func (r *row) owner() string {
	if r.group != "" {
		return r.group
	}
	return r.name
}

// serverRows are about where to listen and who the server is.
var serverRows = []row{
	{name: "Port", many: true, initial: "22", field: func(o *Options) value { return (*ports)(&o.Ports) }},
	{name: "AddressFamily", initial: "any", field: func(o *Options) value {
		return choice{&o.AddressFamily, []string{"any", "inet", "inet6"}}
	}},
	{name: "ListenAddress", many: true, field: func(o *Options) value { return (*listens)(&o.ListenAddresses) }},
	{name: "HostKey", aliases: []string{"HostDSAKey"}, many: true, field: func(o *Options) value { return each{field: &o.HostKeys} }},
	{name: "HostCertificate", many: true, field: func(o *Options) value { return each{field: &o.HostCertificates} }},
	{name: "HostCertStore", many: true, field: func(o *Options) value { return (*stores)(&o.HostCertStores) }},
	{name: "HostCertStoreType", group: "HostCertStore", many: true, field: storeKeyword("type", setStoreType)},
	{name: "HostCertStorePassword", group: "HostCertStore", many: true, field: storeKeyword("password", setStorePassword)},
	{name: "HostCertSubject", group: "HostCertStore", many: true, field: storeKeyword("subject", setStoreSubject)},
	{name: "PidFile", field: func(o *Options) value { return (*text)(&o.PidFile) }},
	{name: "LoginGraceTime", initial: "120", field: func(o *Options) value { return (*duration)(&o.LoginGraceTime) }},
	{name: "MaxStartups", initial: "10:30:100", field: func(o *Options) value { return &o.MaxStartups }},
	{name: "VersionAddendum", raw: true, field: func(o *Options) value { return (*line)(&o.VersionAddendum) }},
	{name: "StrictModes", initial: "yes", field: func(o *Options) value { return (*flag)(&o.StrictModes) }},
	{name: "AlgorithmProfile", initial: "Modern2026", field: func(o *Options) value {
		return choice{&o.AlgorithmProfile, []string{"Modern2026", "Reference2022", "FIPS2026", "Legacy2026"}}
	}},
	{name: "Setting", many: true, raw: true, field: func(o *Options) value { return settings{&o.Settings} }},
	{name: "Ciphers", field: func(o *Options) value { return (*algorithms)(&o.Ciphers) }},
	{name: "MACs", field: func(o *Options) value { return (*algorithms)(&o.MACs) }},
	{name: "KexAlgorithms", field: func(o *Options) value { return (*algorithms)(&o.KexAlgorithms) }},
	{name: "HostKeyAlgorithms", field: func(o *Options) value { return (*algorithms)(&o.HostKeyAlgorithms) }},
	{name: "RekeyLimit", match: true, initial: "default none", field: func(o *Options) value { return &o.RekeyLimit }},
	{name: "LogLevel", match: true, initial: "INFO", field: func(o *Options) value {
		return choice{&o.LogLevel, []string{"QUIET", "SILENT=QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG=DEBUG1", "DEBUG1", "DEBUG2", "DEBUG3"}}
	}},
}

// accessRows are about who may in.
var accessRows = []row{
	{name: "PermitRootLogin", match: true, initial: "prohibit-password", field: func(o *Options) value {
		return choice{&o.PermitRootLogin, []string{"yes", "no", "prohibit-password", "without-password=prohibit-password", "forced-commands-only"}}
	}},
	{name: "PasswordAuthentication", match: true, initial: "no", field: func(o *Options) value { return (*flag)(&o.PasswordAuthentication) }},
	{name: "PubkeyAuthentication", aliases: []string{"DSAAuthentication"}, match: true, initial: "yes",
		field: func(o *Options) value { return (*flag)(&o.PubkeyAuthentication) }},
	{name: "KbdInteractiveAuthentication", aliases: []string{"ChallengeResponseAuthentication", "SkeyAuthentication"}, match: true, initial: "no",
		field: func(o *Options) value { return (*flag)(&o.KbdInteractiveAuthentication) }},
	{name: "AuthenticationMethods", match: true, initial: "any", field: func(o *Options) value { return permits{&o.AuthenticationMethods, checkMethods} }},
	{name: "AllowUsers", match: true, many: true, field: func(o *Options) value { return each{&o.AllowUsers, checkUserPattern} }},
	{name: "DenyUsers", match: true, many: true, field: func(o *Options) value { return each{&o.DenyUsers, checkUserPattern} }},
	{name: "AllowGroups", match: true, many: true, field: func(o *Options) value { return each{field: &o.AllowGroups} }},
	{name: "DenyGroups", match: true, many: true, field: func(o *Options) value { return each{field: &o.DenyGroups} }},
	{name: "AuthorizedKeysFile", match: true, initial: ".ssh/authorized_keys .ssh/authorized_keys2", field: func(o *Options) value { return paths{&o.AuthorizedKeysFile} }},
	{name: "AuthorizedPrincipalsFile", match: true, field: func(o *Options) value { return path{&o.AuthorizedPrincipalsFile} }},
	{name: "TrustedUserCAKeys", match: true, field: func(o *Options) value { return (*text)(&o.TrustedUserCAKeys) }},
	{name: "PubkeyAcceptedAlgorithms", aliases: []string{"PubkeyAcceptedKeyTypes"}, match: true,
		field: func(o *Options) value { return (*algorithms)(&o.PubkeyAcceptedAlgorithms) }},
	{name: "RequiredRSASize", match: true, initial: "2048", field: func(o *Options) value { return number{&o.RequiredRSASize, 1024, 16384} }},
	{name: "MaxAuthTries", match: true, initial: "6", field: func(o *Options) value { return number{&o.MaxAuthTries, 1, 1 << 16} }},
	{name: "Banner", match: true, field: func(o *Options) value { return (*text)(&o.Banner) }},
}

// userRows are about what a user may do.
var userRows = []row{
	{name: "AcceptEnv", match: true, many: true, field: func(o *Options) value { return each{&o.AcceptEnv, checkNoEquals} }},
	{name: "SetEnv", match: true, field: func(o *Options) value { return each{&o.SetEnv, checkEquals} }},
	{name: "ForceCommand", match: true, raw: true, field: func(o *Options) value { return (*line)(&o.ForceCommand) }},
	{name: "PermitTTY", match: true, initial: "yes", field: func(o *Options) value { return (*flag)(&o.PermitTTY) }},
	{name: "AllowTcpForwarding", match: true, initial: "yes", field: func(o *Options) value {
		return choice{&o.AllowTcpForwarding, []string{"yes", "all=yes", "no", "local", "remote"}}
	}},
	{name: "GatewayPorts", match: true, initial: "no", field: func(o *Options) value {
		return choice{&o.GatewayPorts, []string{"yes", "no", "clientspecified"}}
	}},
	{name: "PermitOpen", match: true, initial: "any", field: func(o *Options) value { return permits{&o.PermitOpen, checkHostPort} }},
	{name: "PermitListen", match: true, initial: "any", field: func(o *Options) value { return permits{&o.PermitListen, checkListenPort} }},
	{name: "DisableForwarding", match: true, initial: "no", field: func(o *Options) value { return (*flag)(&o.DisableForwarding) }},
	{name: "AllowStreamLocalForwarding", match: true, initial: "yes", field: func(o *Options) value {
		return choice{&o.AllowStreamLocalForwarding, []string{"yes", "all=yes", "no", "local", "remote"}}
	}},
	{name: "StreamLocalBindMask", match: true, initial: "0177", field: func(o *Options) value { return (*mask)(&o.StreamLocalBindMask) }},
	{name: "StreamLocalBindUnlink", match: true, initial: "no", field: func(o *Options) value { return (*flag)(&o.StreamLocalBindUnlink) }},
	{name: "MaxSessions", match: true, initial: "10", field: func(o *Options) value { return number{&o.MaxSessions, 0, 1 << 16} }},
	{name: "Subsystem", match: true, many: true, raw: true, field: func(o *Options) value { return (*subsystems)(&o.Subsystems) }},
	{name: "ClientAliveInterval", match: true, initial: "0", field: func(o *Options) value { return (*duration)(&o.ClientAliveInterval) }},
	{name: "ClientAliveCountMax", match: true, initial: "3", field: func(o *Options) value { return number{&o.ClientAliveCountMax, 0, 1 << 16} }},
}

func storeKeyword(name string, assign func(*HostCertStore, string) error) func(*Options) value {
	return func(o *Options) value { return storeField{&o.HostCertStores, name, assign} }
}

// A Keyword describes a row for documents.
type Keyword struct {
	Name        string
	Aliases     []string
	InMatch     bool   // legal in a Match block
	Default     string // "" if there is none
	Implemented bool
	Refused     bool // not implemented, and an error unless its value asks for nothing
}

// Keywords returns the table.
func Keywords() []Keyword {
	list := make([]Keyword, len(rows))
	for i, r := range rows {
		list[i] = Keyword{r.name, r.aliases, r.match, r.initial, r.field != nil, r.missing == refuse}
	}
	return list
}

// parse takes the arguments of a line apart.
func (r *row) parse(rest string) ([]string, error) {
	if strings.ContainsFunc(rest, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return nil, errControl
	}
	if r.raw {
		rest = strings.TrimSpace(rest)
		return []string{rest}, some([]string{rest})
	}
	args, err := words(rest)
	if err == nil && len(args) == 0 {
		err = some(nil)
	}
	return args, err
}

// asksNothing reports whether a keyword that is not implemented has a value that holds anyway.
func (r *row) asksNothing(args []string) bool {
	value := strings.Join(args, " ")
	return slices.ContainsFunc(r.harmless, func(h string) bool { return strings.EqualFold(h, value) })
}

// absence is the error or the warning for a line with a keyword that is not implemented.
func (r *row) absence(args []string) (warning string, err error) {
	switch {
	case r.missing == silent || r.asksNothing(args):
		return "", nil
	case r.missing == refuse:
		return "", fmt.Errorf("not supported, and must not be ignored")
	default:
		return "not supported, ignored", nil
	}
}
