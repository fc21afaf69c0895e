package kex

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt/sshwire"
)

var testInit = Init{
	Cookie:    [16]byte{1, 2, 3, 15: 16},
	Kex:       []string{"curve25519-sha256", ExtInfoClient, StrictClient},
	HostKey:   []string{"ssh-ed25519", "rsa-sha2-256"},
	CiphersCS: []string{"aes256-gcm@openssh.com", "aes128-ctr"}, CiphersSC: []string{"aes128-ctr"},
	MACsCS: []string{"hmac-sha2-256"}, MACsSC: []string{"hmac-sha2-512"},
	CompressionCS: []string{"none"}, CompressionSC: []string{"zlib", "none"},
	LanguagesSC:     []string{"de"},
	FirstKexFollows: true,
}

// A peer cannot make an error as long as its KEXINIT.
func TestNegotiationErrorIsShort(t *testing.T) {
	long := slices.Repeat([]string{"name"}, 5000)
	_, err := Negotiate(&Init{Kex: long}, &Init{Kex: []string{"k"}}, nil)
	if err == nil || len(err.Error()) > 1024 {
		t.Errorf("error %v", err)
	}
}

// The layout of RFC 4253, section 7.1, written out.
func TestInitLayout(t *testing.T) {
	want := join(
		[]byte{20}, testInit.Cookie[:],
		str([]byte("curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com")), str([]byte("ssh-ed25519,rsa-sha2-256")),
		str([]byte("aes256-gcm@openssh.com,aes128-ctr")), str([]byte("aes128-ctr")),
		str([]byte("hmac-sha2-256")), str([]byte("hmac-sha2-512")),
		str([]byte("none")), str([]byte("zlib,none")), str(nil), str([]byte("de")),
		[]byte{1}, []byte{0, 0, 0, 0},
	)
	got := testInit.Append(nil)
	if !bytes.Equal(got, want) {
		t.Fatalf("layout:\n%q\n%q", got, want)
	}
	parsed, err := ParseInit(want)
	if err != nil || !reflect.DeepEqual(*parsed, testInit) {
		t.Errorf("parsed %+v, %v", parsed, err)
	}
	for n := range want {
		if _, err := ParseInit(want[:n]); !errors.Is(err, sshwire.ErrShort) {
			t.Errorf("truncated to %d bytes: %v", n, err)
		}
	}
	want[len(want)-1] = 7 // the reserved number is for extensions
	if _, err := ParseInit(want); err != nil {
		t.Errorf("reserved number: %v", err)
	}
}

func TestParseInitRefuses(t *testing.T) {
	good := testInit.Append(nil)
	long := testInit
	long.Kex = []string{strings.Repeat("x", MaxInit)}
	empty := testInit
	empty.Kex = []string{"a", "", "b"}
	for what, payload := range map[string][]byte{
		"trailing byte": append(slices.Clone(good), 0),
		"other message": append([]byte{21}, good[1:]...),
		"too long":      long.Append(nil),
		"empty name":    empty.Append(nil),
	} {
		if init, err := ParseInit(payload); err == nil {
			t.Errorf("%s: parsed %+v", what, init)
		}
	}
}

func TestNegotiate(t *testing.T) {
	aead := func(name string) bool { return strings.Contains(name, "gcm") }
	list := func(names string) []string { return strings.Split(names, ",") }
	base := func() (client, server *Init) {
		for _, p := range []**Init{&client, &server} {
			*p = &Init{
				Kex: list("k1,k2"), HostKey: list("h1,h2"), CiphersCS: list("c1,gcm,c2"), CiphersSC: list("c1,gcm,c2"),
				MACsCS: list("m1,m2"), MACsSC: list("m1,m2"), CompressionCS: list("none"), CompressionSC: list("none,zlib"),
			}
		}
		return client, server
	}
	want := Agreement{"k1", "h1", "c1", "c1", "m1", "m1", "none", "none", false}
	for _, tt := range []struct {
		what   string
		change func(c, s *Init)
		want   func(a *Agreement)
		fails  string
	}{
		{what: "first of both", change: func(c, s *Init) {}},
		{what: "the client's order decides",
			change: func(c, s *Init) { c.Kex, c.HostKey, c.CiphersSC = list("k2,k1"), list("h2,h1"), list("c2,c1") },
			want:   func(a *Agreement) { a.Kex, a.HostKey, a.CipherSC = "k2", "h2", "c2" }},
		{what: "directions differ",
			change: func(c, s *Init) { s.MACsCS, c.CompressionSC = list("m2"), list("zlib") },
			want:   func(a *Agreement) { a.MACCS, a.CompressionSC = "m2", "zlib" }},
		{what: "AEAD needs no MAC in common",
			change: func(c, s *Init) { c.CiphersCS, c.MACsCS = list("gcm"), nil },
			want:   func(a *Agreement) { a.CipherCS, a.MACCS = "gcm", "" }},
		{what: "languages need not match", change: func(c, s *Init) { c.LanguagesCS, s.LanguagesCS = list("de"), list("fr") }},
		{what: "markers are no methods",
			change: func(c, s *Init) {
				c.Kex = []string{ExtInfoClient, ExtInfoServer, StrictServer, StrictClient, "k2"}
				s.Kex = []string{ExtInfoClient, ExtInfoServer, StrictServer, StrictClient, "k1", "k2"}
			},
			want: func(a *Agreement) { a.Kex = "k2" }},
		{what: "right guess", change: func(c, s *Init) { c.FirstKexFollows = true }},
		{what: "right guess behind a marker",
			change: func(c, s *Init) { c.FirstKexFollows, c.Kex = true, []string{StrictClient, "k1"} }},
		{what: "wrong guess of the method",
			change: func(c, s *Init) { c.FirstKexFollows, c.Kex = true, list("k0,k1") },
			want:   func(a *Agreement) { a.GuessWrong = true }},
		{what: "a method in common that the server does not prefer",
			change: func(c, s *Init) { c.FirstKexFollows, c.Kex = true, list("k2") },
			want:   func(a *Agreement) { a.Kex, a.GuessWrong = "k2", true }},
		{what: "wrong guess of the host key",
			change: func(c, s *Init) { c.FirstKexFollows, s.HostKey = true, list("h2,h1") },
			want:   func(a *Agreement) { a.GuessWrong = true }},
		{what: "the server does not guess", change: func(c, s *Init) { s.FirstKexFollows, s.Kex = true, list("k3,k1") }},
		{what: "no method", change: func(c, s *Init) { s.Kex = list("k3") }, fails: "key exchange"},
		{what: "only a marker", change: func(c, s *Init) { c.Kex, s.Kex = []string{ExtInfoClient}, []string{ExtInfoClient} }, fails: "key exchange"},
		{what: "no host key", change: func(c, s *Init) { c.HostKey = nil }, fails: "host key"},
		{what: "no cipher", change: func(c, s *Init) { s.CiphersSC = list("c3") }, fails: "cipher server to client"},
		{what: "no MAC", change: func(c, s *Init) { s.MACsCS = nil }, fails: "MAC client to server"},
		{what: "no compression", change: func(c, s *Init) { c.CompressionCS = list("zlib") }, fails: "compression client to server"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			client, server := base()
			tt.change(client, server)
			got, err := Negotiate(client, server, aead)
			if tt.fails != "" {
				if e, ok := errors.AsType[*NegotiationError](err); !ok || e.What != tt.fails {
					t.Errorf("error %v, want a NegotiationError for the %s", err, tt.fails)
				}
				return
			}
			want := want
			if tt.want != nil {
				tt.want(&want)
			}
			if err != nil || *got != want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}
