package protocol

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"gatehouse/conformance/peer"
)

// kexInitCases are RFC 4253, sections 7 and 7.1.
var kexInitCases = append([]Case{
	{"rfc4253/7.1/lists", "The server's KEXINIT has sound name-lists: no empty names, none longer than 64 bytes, none twice, all printable.", soundLists},
	{"rfc4253/7.1/unknown-names", "The server passes over names that it does not know.", func(ctx context.Context, t *Target) error {
		unknown := []string{"unheard-of@example.org", "another"}
		return exchanges(ctx, t, peer.Options{
			KeyExchanges: slices.Concat(unknown, peer.KeyExchanges()), HostKeys: slices.Concat(unknown, peer.HostKeyAlgorithms()),
			Ciphers: slices.Concat(unknown, peer.Ciphers()), MACs: slices.Concat(unknown, peer.MACs()),
			Compressions: slices.Concat(unknown, peer.Compressions()),
		})
	}},
	{"rfc4253/7.1/client-order", "Of the names that both have the client's first is chosen.", func(ctx context.Context, t *Target) error {
		ciphers := peer.Ciphers()
		slices.Reverse(ciphers)
		return exchanges(ctx, t, peer.Options{Ciphers: ciphers})
	}},
	{"rfc4253/7.1/second-kexinit", "The server refuses a second KEXINIT within a key exchange.", func(ctx context.Context, t *Target) error {
		return refusesKex(ctx, t, peer.Options{Faults: peer.KexFaults{SecondKexInit: true}})
	}},
	{"rfc4253/7/wrong-guess", "The server passes over the packet that follows a KEXINIT with a wrong guess.", wrongGuess},
	{"rfc4253/7.3/no-newkeys", "The server refuses packets under new keys without NEWKEYS before them.", func(ctx context.Context, t *Target) error {
		return refusesKex(ctx, t, peer.Options{Faults: peer.KexFaults{SkipNewKeys: true}})
	}},
}, nothingInCommon()...)

func soundLists(ctx context.Context, t *Target) error {
	lists, err := t.lists(ctx)
	if err != nil {
		return err
	}
	for i, list := range lists {
		seen := map[string]bool{}
		for _, name := range list {
			bad := name == "" || len(name) > 64 || seen[name]
			for _, r := range name {
				bad = bad || r <= ' ' || r > '~'
			}
			if bad {
				return &Unmet{"sound names", fmt.Sprintf("list %d has %q", i, name)}
			}
			seen[name] = true
		}
	}
	return nil
}

// exchanges expects that a key exchange and then a service request succeed.
func exchanges(ctx context.Context, t *Target, opts peer.Options) error {
	c, err := t.dial(ctx, opts)
	if err != nil {
		return &Unmet{"a key exchange", err.Error()}
	}
	defer c.Close()
	return alive(c)
}

// refusesKex expects that a key exchange with these options, or the first use of its keys,
// makes the server end the connection.
func refusesKex(ctx context.Context, t *Target, opts peer.Options) error {
	c, err := t.open(ctx, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		return err
	}
	err = c.Rekey()
	if err == nil {
		err = c.RequestService("ssh-userauth")
	}
	if err == nil || ended(err) == nil {
		return ended(err)
	}
	return readRawEnd(c) // the peer minded an answer; the server may still come to its end
}

func wrongGuess(ctx context.Context, t *Target) error {
	lists, err := t.lists(ctx)
	if err != nil {
		return err
	}
	// The guess is wrong when the first names differ, whatever is chosen in the end.
	methods := slices.DeleteFunc(peer.KeyExchanges(), func(n string) bool { return n == lists[0][0] })
	return exchanges(ctx, t, peer.Options{KeyExchanges: methods, Faults: peer.KexFaults{WrongGuess: true}})
}

// nothingInCommon has a case for each list that has to have a common name.
func nothingInCommon() []Case {
	nothing := []string{"unheard-of@example.org"}
	var cases []Case
	for _, list := range []struct {
		name string
		opts peer.Options
	}{
		{"key-exchange", peer.Options{KeyExchanges: nothing}},
		{"host-key", peer.Options{HostKeys: nothing}},
		{"cipher", peer.Options{Ciphers: nothing}},
		{"mac", peer.Options{MACs: nothing, Ciphers: []string{"aes128-ctr", "aes256-ctr"}}},
		{"compression", peer.Options{Compressions: nothing}},
	} {
		cases = append(cases, Case{
			ID:          "rfc4253/7.1/no-common-" + list.name,
			Requirement: "The server ends the connection when there is no common " + strings.ReplaceAll(list.name, "-", " ") + ".",
			Run:         func(ctx context.Context, t *Target) error { return noCommon(ctx, t, list.opts) },
		})
	}
	return cases
}

func noCommon(ctx context.Context, t *Target, opts peer.Options) error {
	c, err := t.open(ctx, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		return err
	}
	if err := c.StartRekey(); err != nil {
		return err
	}
	return readRawEnd(c)
}

// kexCases are the checks of public values in RFC 4253, section 8, RFC 5656, section 4,
// RFC 8731, section 3, and the hybrid method.
var kexCases = func() []Case {
	one := big.NewInt(1)
	huge := new(big.Int).Lsh(one, 2048) // longer than the prime of group 14
	point := func(n int, first byte) []byte { return append([]byte{first}, bytes.Repeat([]byte{0xff}, n-1)...) }
	var cases []Case
	for _, v := range []struct {
		id, method, what string
		public           []byte
	}{
		{"rfc4253/8/zero", "diffie-hellman-group14-sha256", "0", []byte{}},
		{"rfc4253/8/one", "diffie-hellman-group14-sha256", "1", []byte{1}},
		{"rfc4253/8/beyond-prime", "diffie-hellman-group14-sha256", "beyond the prime", huge.Bytes()},
		{"rfc5656/4/off-curve", "ecdh-sha2-nistp256", "that is no point of the curve", point(65, 4)},
		{"rfc5656/4/infinity", "ecdh-sha2-nistp256", "that is the point at infinity", []byte{0}},
		{"rfc5656/4/short", "ecdh-sha2-nistp256", "that is too short", point(64, 4)},
		{"rfc8731/3/zero", "curve25519-sha256", "of zeroes, which makes the secret zero", make([]byte, 32)},
		{"rfc8731/3/short", "curve25519-sha256", "that is too short", make([]byte, 31)},
		{"rfc8731/3/long", "curve25519-sha256", "that is too long", bytes.Repeat([]byte{9}, 33)},
		{"mlkem/short", "mlkem768x25519-sha256", "that is too short", bytes.Repeat([]byte{9}, 1215)},
		{"mlkem/modulus", "mlkem768x25519-sha256", "whose coefficients exceed the modulus", bytes.Repeat([]byte{0xff}, 1216)},
	} {
		cases = append(cases, Case{
			ID:          v.id,
			Requirement: "The server refuses a public value " + v.what + ", with " + v.method + ".",
			Run: func(ctx context.Context, t *Target) error {
				if err := offers(ctx, t, 0, v.method); err != nil {
					return err
				}
				return refusesKex(ctx, t, peer.Options{KeyExchanges: []string{v.method}, Faults: peer.KexFaults{Public: v.public}})
			},
		})
	}
	return cases
}()

// strictCases are strict key exchange (draft-ietf-sshm-strict-kex), which forbids in the
// first key exchange what is not part of it.
var strictCases = func() []Case {
	var cases []Case
	for _, v := range []struct {
		name, where string
		place       func(m []byte) peer.KexFaults
	}{
		{"before-kexinit", "before KEXINIT", func(m []byte) peer.KexFaults { return peer.KexFaults{BeforeKexInit: [][]byte{m}} }},
		{"after-kexinit", "behind KEXINIT", func(m []byte) peer.KexFaults { return peer.KexFaults{AfterKexInit: [][]byte{m}} }},
		{"before-newkeys", "before NEWKEYS", func(m []byte) peer.KexFaults { return peer.KexFaults{BeforeNewKeys: [][]byte{m}} }},
	} {
		for name, message := range map[string][]byte{
			"ignore":        peer.Msg(peer.MsgIgnore, ""),
			"debug":         peer.Msg(peer.MsgDebug, false, "", ""),
			"unimplemented": peer.Msg(peer.MsgUnimplemented, uint32(0)),
			"service":       peer.Msg(peer.MsgServiceRequest, "ssh-userauth"),
		} {
			cases = append(cases, Case{
				ID:          "strict-kex/" + name + "-" + v.name,
				Requirement: "Under strict key exchange the server ends the connection at " + strings.ToUpper(name) + " " + v.where + ".",
				Run: func(ctx context.Context, t *Target) error {
					if err := offers(ctx, t, 0, "kex-strict-s-v00@openssh.com"); err != nil {
						return err
					}
					return refusesKex(ctx, t, peer.Options{Faults: v.place(message)})
				},
			})
		}
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.ID, b.ID) })
	return cases
}()
