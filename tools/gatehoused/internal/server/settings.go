package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	"gatehouse/gatehoused/internal/config"
	"gatehouse/sshd"
)

// sshConfig translates options into the policy of connections, without host keys and hooks.
func sshConfig(o *config.Options) (*sshd.Config, error) {
	c := &sshd.Config{
		Profile:           sshd.Profile(o.AlgorithmProfile),
		MinRSABits:        o.RequiredRSASize,
		HandshakeTimeout:  o.LoginGraceTime,
		KeepAliveInterval: o.ClientAliveInterval,
		KeepAliveCountMax: o.ClientAliveCountMax,
		RekeyBytes:        uint64(o.RekeyLimit.Bytes),
		RekeyInterval:     o.RekeyLimit.Interval,
		MaxSessions:       -1, // the policy counts, as it knows the user
	}
	if o.LoginGraceTime == 0 {
		c.HandshakeTimeout = -1
	}
	if o.ClientAliveCountMax == 0 {
		c.KeepAliveInterval = 0 // questions whose answers do not matter
	}
	if o.VersionAddendum != "" {
		c.Version = sshd.Version + " " + o.VersionAddendum
	}
	for _, list := range []struct {
		keyword string
		kind    sshd.AlgorithmKind
		spec    string
		to      *[]string
	}{
		{"Ciphers", sshd.Cipher, o.Ciphers, &c.Ciphers},
		{"MACs", sshd.MAC, o.MACs, &c.MACs},
		{"KexAlgorithms", sshd.KeyExchange, o.KexAlgorithms, &c.KeyExchanges},
		{"HostKeyAlgorithms", sshd.HostKeyAlgorithm, o.HostKeyAlgorithms, &c.HostKeyAlgorithms},
		{"PubkeyAcceptedAlgorithms", sshd.PublicKeyAlgorithm, o.PubkeyAcceptedAlgorithms, &c.PublicKeyAlgorithms},
	} {
		names, err := sshd.ResolveAlgorithms(c.Profile, list.kind, list.spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list.keyword, err)
		}
		*list.to = names
	}
	return c, nil
}

// checkMethods returns an error if no alternative of AuthenticationMethods can be passed.
func checkMethods(o *config.Options) error {
	if o.AuthenticationMethods == nil {
		return nil
	}
	passable := slices.ContainsFunc(o.AuthenticationMethods, func(list string) bool {
		return !slices.ContainsFunc(strings.Split(list, ","), func(m string) bool { return m != "publickey" })
	})
	if !passable {
		return errors.New("AuthenticationMethods: this server has publickey only")
	}
	return nil
}

// errStartups says that a connection is refused for the number of those not authenticated.
var errStartups = errors.New("MaxStartups")

// admit refuses connections at random, the more the closer to the limit.
func admit(m config.MaxStartups) func(net.Conn, int) error {
	return func(_ net.Conn, startups int) error {
		if rand.IntN(100) < refusalRate(m, startups) {
			return fmt.Errorf("%w: %d are not authenticated", errStartups, startups)
		}
		return nil
	}
}

// refusalRate rises from Rate percent at Start to all at Full.
func refusalRate(m config.MaxStartups, startups int) int {
	switch {
	case startups < m.Start:
		return 0
	case startups >= m.Full || m.Rate == 100:
		return 100
	}
	return m.Rate + (100-m.Rate)*(startups-m.Start)/(m.Full-m.Start)
}
