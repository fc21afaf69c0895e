package alg

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"gatehouse/keyfmt/sshwire"
)

// A vector is a row of testdata/signatures.json, which testdata/signatures.py makes.
type vector struct {
	Algorithm             string
	Blob, Data, Signature hexBytes
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func vectors(t testing.TB) []vector {
	t.Helper()
	file, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []vector
	if err := json.Unmarshal(file, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestKnownSignatures verifies what other programs signed, and demands a vector of each row.
func TestKnownSignatures(t *testing.T) {
	missing := map[string]bool{}
	for _, name := range Signatures.Names() {
		missing[name] = true
	}
	for _, v := range vectors(t) {
		delete(missing, v.Algorithm)
		t.Run(v.Algorithm, func(t *testing.T) {
			k := must(ParsePublicKey(v.Algorithm, v.Blob))
			info, err := k.Verify(v.Algorithm, v.Data, v.Signature)
			if err != nil {
				t.Fatal(err)
			}
			checkInfo(t, v.Algorithm, k, info)
			if _, err := k.Verify(v.Algorithm, append(v.Data, 0), v.Signature); !errors.Is(err, ErrSignature) {
				t.Errorf("other data: %v", err)
			}
			if _, err := k.Verify(v.Algorithm, v.Data, append(v.Signature, 0)); !errors.Is(err, ErrSignature) {
				t.Errorf("trailing byte: %v", err)
			}
			for i := range v.Signature {
				if _, err := k.Verify(v.Algorithm, v.Data, v.Signature[:i]); !errors.Is(err, ErrSignature) {
					t.Fatalf("cut at %d: %v", i, err)
				}
			}
		})
	}
	for name := range missing {
		t.Errorf("no known signature of %s", name)
	}
}

// checkInfo compares with what testdata/signatures.py puts into keys and signatures.
func checkInfo(t *testing.T, algorithm string, k *PublicKey, info SignInfo) {
	t.Helper()
	want, application := SignInfo{}, ""
	switch {
	case strings.HasPrefix(algorithm, "webauthn-"):
		want, application = SignInfo{Flags: flagExtensions | FlagUserPresent, Counter: 7}, "ssh:gatehouse"
	case strings.HasPrefix(algorithm, "sk-"):
		want, application = SignInfo{Flags: FlagUserVerified | FlagUserPresent, Counter: 1234}, "ssh:gatehouse"
	}
	if info != want || k.Application != application {
		t.Errorf("%+v, application %q", info, k.Application)
	}
	s, _ := Signatures.Lookup(algorithm)
	chainLen, staples := 0, 0
	switch s.wrap {
	case chain:
		chainLen, staples = 2, 1
	case bareCertificate:
		chainLen = 1
	}
	if len(k.Chain) != chainLen || len(k.OCSP) != staples || (k.Cert != nil) != (s.wrap == certified) || k.Bits() < 256 {
		t.Errorf("chain of %d, %d OCSP responses, certificate %v, %d bits", len(k.Chain), len(k.OCSP), k.Cert, k.Bits())
	}
}

// TestSignatureFlips changes bytes all over a signature: ECDSA signatures and those of security
// keys as well, whose flags and counter are signed.
func TestSignatureFlips(t *testing.T) {
	for _, v := range vectors(t) {
		k := must(ParsePublicKey(v.Algorithm, v.Blob))
		step := 1 + len(v.Signature)/25 // a long signature is sampled
		for i := 0; i < len(v.Signature); i += step {
			changed := bytes.Clone(v.Signature)
			changed[i] ^= 0x10
			if _, err := k.Verify(v.Algorithm, v.Data, changed); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: byte %d: %v", v.Algorithm, i, err)
			}
		}
	}
}

// TestKeysOfOtherAlgorithms reads every blob as a key of every algorithm. It is one where the
// key formats are the same.
func TestKeysOfOtherAlgorithms(t *testing.T) {
	for _, v := range vectors(t) {
		own, _ := Signatures.Lookup(v.Algorithm)
		for _, s := range Signatures {
			_, err := ParsePublicKey(s.Name, v.Blob)
			switch same := s.Format == own.Format; {
			case same && err != nil:
				t.Errorf("key of %s for %s: %v", v.Algorithm, s.Name, err)
			case !same && !errors.Is(err, ErrKey):
				t.Errorf("key of %s for %s: %v", v.Algorithm, s.Name, err)
			}
		}
	}
}

// TestSignaturesOfOtherAlgorithms: the name in a signature must be that of the algorithm, even
// where the key would do (RSA with SHA-1 in place of SHA-2).
func TestSignaturesOfOtherAlgorithms(t *testing.T) {
	for _, v := range vectors(t) {
		own, _ := Signatures.Lookup(v.Algorithm)
		k := must(ParsePublicKey(v.Algorithm, v.Blob))
		for _, s := range Signatures {
			if s.Label == own.Label && s.Format == own.Format {
				continue
			}
			if _, err := k.Verify(s.Name, v.Data, v.Signature); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrKey) {
				t.Errorf("signature of %s for %s: %v", v.Algorithm, s.Name, err)
			}
		}
	}
}

// TestPlainLabel: peers with X.509 keys of the old drafts may name ssh-rsa or ssh-dss in the
// signature; with no others is that allowed.
func TestPlainLabel(t *testing.T) {
	for algorithm, want := range map[string]error{
		"x509v3-sign-rsa": nil, "x509v3-sign-dss": nil, "rsa-sha2-256": ErrSignature, "x509v3-rsa2048-sha256": ErrSignature,
	} {
		v := vectorOf(t, algorithm)
		s, _ := Signatures.Lookup(algorithm)
		k := must(ParsePublicKey(algorithm, v.Blob))
		r := sshwire.NewReader(v.Signature)
		r.String()
		relabelled := append(sshwire.AppendString(nil, s.kind.format), r.Rest()...)
		if _, err := k.Verify(algorithm, v.Data, relabelled); !errors.Is(err, want) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestKeyTruncations(t *testing.T) {
	for _, v := range vectors(t) {
		for i := range v.Blob {
			if _, err := ParsePublicKey(v.Algorithm, v.Blob[:i]); !errors.Is(err, ErrKey) {
				t.Fatalf("%s: cut at %d: %v", v.Algorithm, i, err)
			}
		}
		if _, err := ParsePublicKey(v.Algorithm, append(v.Blob, 0)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: trailing byte: %v", v.Algorithm, err)
		}
	}
}

// TestBadKeys are keys that are well-formed and must not be taken.
func TestBadKeys(t *testing.T) {
	number := func(bits uint) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return n.SetBit(n, 0, 1)
	}
	rsaBlob := func(e, n *big.Int) []byte {
		return sshwire.AppendMpint(sshwire.AppendMpint(sshwire.AppendString(nil, "ssh-rsa"), e), n)
	}
	dsaBlob := func(p, q, g, y *big.Int) []byte {
		b := sshwire.AppendString(nil, "ssh-dss")
		for _, n := range []*big.Int{p, q, g, y} {
			b = sshwire.AppendMpint(b, n)
		}
		return b
	}
	strs := func(fields ...string) (b []byte) {
		for _, f := range fields {
			b = sshwire.AppendString(b, f)
		}
		return b
	}
	e, two := big.NewInt(65537), big.NewInt(2)
	offCurve := "\x04" + strings.Repeat("\x01", 64)
	for _, tc := range []struct {
		name, algorithm string
		blob            []byte
	}{
		{"RSA of 1023 bits", "rsa-sha2-256", rsaBlob(e, number(1023))},
		{"RSA of 16385 bits", "rsa-sha2-256", rsaBlob(e, number(16385))},
		{"RSA, even modulus", "rsa-sha2-256", rsaBlob(e, new(big.Int).Lsh(number(2047), 1))},
		{"RSA, exponent 1", "rsa-sha2-256", rsaBlob(big.NewInt(1), number(2048))},
		{"RSA, even exponent", "rsa-sha2-256", rsaBlob(big.NewInt(65536), number(2048))},
		{"RSA, exponent of 33 bits", "rsa-sha2-256", rsaBlob(number(33), number(2048))},
		{"RSA, exponent of 2000 bits", "rsa-sha2-256", rsaBlob(number(2000), number(2048))},
		{"DSA of 512 bits", "ssh-dss", dsaBlob(number(512), number(160), two, two)},
		{"DSA of 4096 bits", "ssh-dss", dsaBlob(number(4096), number(160), two, two)},
		{"DSA, q of 256 bits", "ssh-dss", dsaBlob(number(1024), number(256), two, two)},
		{"DSA, q of 8 bits", "ssh-dss", dsaBlob(number(1024), number(8), two, two)},
		{"DSA, g beyond p", "ssh-dss", dsaBlob(number(1024), number(160), number(1025), two)},
		{"DSA, y of 1", "ssh-dss", dsaBlob(number(1024), number(160), two, big.NewInt(1))},
		{"ECDSA, point at infinity", "ecdsa-sha2-nistp256", strs("ecdsa-sha2-nistp256", "nistp256", "\x00")},
		{"ECDSA, not on the curve", "ecdsa-sha2-nistp256", strs("ecdsa-sha2-nistp256", "nistp256", offCurve)},
		{"ECDSA, other curve", "ecdsa-sha2-nistp256", strs("ecdsa-sha2-nistp256", "nistp384", offCurve)},
		{"Ed25519 of 31 bytes", "ssh-ed25519", strs("ssh-ed25519", strings.Repeat("x", 31))},
		{"Ed25519 of 33 bytes", "ssh-ed25519", strs("ssh-ed25519", strings.Repeat("x", 33))},
		{"Ed448 of 56 bytes", "ssh-ed448", strs("ssh-ed448", strings.Repeat("x", 56))},
		{"no certificate", "x509v3-ssh-rsa", append(strs("x509v3-ssh-rsa"), 0, 0, 0, 0, 0, 0, 0, 0)},
		{"17 certificates", "x509v3-ssh-rsa", append(strs("x509v3-ssh-rsa"), 0, 0, 0, 17)},
		{"4 billion certificates", "x509v3-ssh-rsa", append(strs("x509v3-ssh-rsa"), 255, 255, 255, 255)},
		{"certificate that is none", "x509v3-ssh-rsa", append(append(strs("x509v3-ssh-rsa"), 0, 0, 0, 1), strs("junk")...)},
		{"too long", "ssh-ed25519", make([]byte, MaxKeyBlob+1)},
	} {
		if _, err := ParsePublicKey(tc.algorithm, tc.blob); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := ParsePublicKey("ssh-what", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown algorithm: %v", err)
	}
}

// TestShortRSASignature: some clients strip leading zeros of an RSA signature.
func TestShortRSASignature(t *testing.T) {
	signer := must(rsa.GenerateKey(rand.Reader, minRSA)) // the smallest: some hundreds of signatures are needed
	k := must(ParsePublicKey("rsa-sha2-256", must((&HostKey{Public: signer.Public()}).Blob("rsa-sha2-256"))))
	for i := range 100000 {
		data := []byte{byte(i), byte(i >> 8), byte(i >> 16)}
		sig := must(Sign(rand.Reader, "rsa-sha2-256", signer, data))
		r := sshwire.NewReader(sig)
		label, raw := r.String(), r.String()
		if raw[0] != 0 {
			continue
		}
		short := sshwire.AppendString(sshwire.AppendString(nil, label), bytes.TrimLeft(raw, "\x00"))
		if _, err := k.Verify("rsa-sha2-256", data, short); err != nil {
			t.Error(err)
		}
		return
	}
	t.Error("no signature began with a zero")
}

func TestSignRefuses(t *testing.T) {
	for name, want := range map[string]error{
		"ssh-what": ErrUnknown, "sk-ssh-ed25519@openssh.com": ErrKey, "rsa-sha2-256": ErrKey, "ecdsa-sha2-nistp384": ErrKey,
	} {
		if _, err := Sign(rand.Reader, name, signers()["p256"], nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWebauthn changes what the browser's document and flags say, signed again by the key.
func TestWebauthn(t *testing.T) {
	const name = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
	signer := signers()["p256"].(*ecdsa.PrivateKey)
	k := &PublicKey{Format: "sk-ecdsa-sha2-nistp256@openssh.com", Key: signer.Public(), Application: "ssh:"}
	const good = `{"type":"webauthn.get","challenge":"ZGF0YQ","origin":"https://x.org"}`
	for _, tc := range []struct {
		name, origin, client, extensions string
		flags                            byte
		ok                               bool
	}{
		{"as it should be", "https://x.org", good, "", 1, true},
		{"more fields", "https://x.org", good[:len(good)-1] + `,"crossOrigin":true}`, "", 1, true},
		{"with extensions", "https://x.org", good, "\xa0", 0x81, true},
		{"other origin", "https://y.org", good, "", 1, false},
		{"other challenge", "https://x.org", strings.Replace(good, "ZGF0YQ", "ZGF0YR", 1), "", 1, false},
		{"other type", "https://x.org", strings.Replace(good, ".get", ".create", 1), "", 1, false},
		{"quote in the origin", `https://x.org","a":"`, good[:len(good)-1] + `,"a":""}`, "", 1, false},
		{"attested data", "https://x.org", good, "", 0x41, false},
		{"extensions without flag", "https://x.org", good, "\xa0", 1, false},
		{"flag without extensions", "https://x.org", good, "", 0x81, false},
	} {
		info := SignInfo{tc.flags, 3}
		signed := assertion(crypto.SHA256, "ssh:", info, []byte(tc.extensions), []byte(tc.client))
		r, s := must2(ecdsa.Sign(rand.Reader, signer, digest(crypto.SHA256, signed)))
		b := sshwire.AppendString(nil, name)
		b = sshwire.AppendString(b, sshwire.AppendMpint(sshwire.AppendMpint(nil, r), s))
		b = sshwire.AppendUint32(append(b, tc.flags), info.Counter)
		for _, f := range []string{tc.origin, tc.client, tc.extensions} {
			b = sshwire.AppendString(b, f)
		}
		if got, err := k.Verify(name, []byte("data"), b); (err == nil) != tc.ok || tc.ok && got != info {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

func FuzzParsePublicKey(f *testing.F) {
	index := map[string]int{}
	for i, name := range Signatures.Names() {
		index[name] = i
	}
	for _, v := range vectors(f) {
		f.Add(index[v.Algorithm], []byte(v.Blob), []byte(v.Signature))
	}
	f.Fuzz(func(t *testing.T, i int, blob, signature []byte) {
		if i < 0 || i >= len(Signatures) {
			return
		}
		name := Signatures[i].Name
		k, err := ParsePublicKey(name, blob)
		if err != nil {
			if k != nil || !errors.Is(err, ErrKey) {
				t.Fatalf("%v, %v", k, err)
			}
			return
		}
		if k.Key == nil || k.Bits() == 0 {
			t.Fatalf("empty key: %+v", k)
		}
		if _, err := k.Verify(name, []byte("data"), signature); err != nil && !errors.Is(err, ErrSignature) {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, v := range vectors(b) {
		b.Run(v.Algorithm, func(b *testing.B) {
			k := must(ParsePublicKey(v.Algorithm, v.Blob))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Verify(v.Algorithm, v.Data, v.Signature); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
