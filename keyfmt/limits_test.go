package keyfmt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/testkeys"
)

func TestSizeLimit(t *testing.T) {
	opts := &ParseOptions{Limits: Limits{Size: 100}}
	if _, err := Parse(testkeys.PEM("rsa2048"), opts); !errors.Is(err, ErrLimit) || !errors.Is(err, ErrMalformed) {
		t.Errorf("Parse = %v, want ErrLimit", err)
	}
	opts = &ParseOptions{Limits: Limits{Items: 2}}
	if _, err := Parse(certPEM(testkeys.Chain("p256", "www")...), opts); !errors.Is(err, ErrLimit) {
		t.Errorf("Parse = %v, want ErrLimit", err)
	}
}

// TestWorkLimit: entries that are each within the limits are not so all together.
func TestWorkLimit(t *testing.T) {
	key := testKey("ed25519")
	var items []Item
	for i := range 20 {
		items = append(items, Item{Alias: fmt.Sprint(i), Key: key, Certs: newCertificates([][]byte{testkeys.Certificate("ed25519")})})
	}
	for _, format := range []Format{FormatPKCS12, FormatJCEKS, FormatBCFKS, FormatPEM} {
		data, err := Marshal(format, &Bundle{Items: items}, &MarshalOptions{Password: []byte("x"), Iterations: testIterations})
		if err != nil {
			t.Fatal(err)
		}
		opts := &ParseOptions{Password: func() ([]byte, error) { return []byte("x"), nil }}
		if _, err := Parse(data, opts); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		opts.Limits.Work = 100 * testIterations // enough for any one of them
		if format != FormatBCFKS {
			opts.Limits.Work = 16 * testIterations
		}
		if _, err := Parse(data, opts); !errors.Is(err, ErrLimit) {
			t.Errorf("%s with little work: %v", format, err)
		}
	}
}

// TestDefaultsStopAtOnce: each kind of derivation has a bound that costs no time to find.
func TestDefaultsStopAtOnce(t *testing.T) {
	ppk := bytes.Replace(testssh.Read(t, "enc-argon2id.ppk"), []byte("Passes: 2"), []byte("Passes: 999999"), 1)
	openssh := testssh.Read(t, "enc-aes256-ctr")
	body, err := unarmor(bytes.Join(bytes.Split(bytes.TrimSpace(openssh), []byte("\n"))[1:bytes.Count(bytes.TrimSpace(openssh), []byte("\n"))], nil))
	if err != nil {
		t.Fatal(err)
	}
	rounds := bytes.Replace(body, []byte{0, 0, 0, 2, 0, 0, 0, 1}, []byte{0, 0, 4, 1, 0, 0, 0, 1}, 1)
	for name, data := range map[string][]byte{"Argon2": ppk, "bcrypt": rounds} {
		start := time.Now()
		if _, err := Parse(data, &ParseOptions{Password: testssh.Given(goodPassword)}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestIterations: the caller's number is the one that is written.
func TestIterations(t *testing.T) {
	it := Item{Alias: "a", Key: testKey("ed25519"), Certs: newCertificates([][]byte{testkeys.Certificate("ed25519")})}
	for _, format := range []Format{FormatPKCS8, FormatPKCS12, FormatJCEKS, FormatBCFKS, FormatJWE, FormatOpenSSH, FormatPPK} {
		opts := &MarshalOptions{Password: []byte("x"), Iterations: 2, AllowLoss: true}
		data, err := Marshal(format, &Bundle{Items: []Item{it}}, opts)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Parse(data, &ParseOptions{Password: func() ([]byte, error) { return []byte("x"), nil }})
		if err != nil || max(b.Protection.Iterations, b.Items[0].Protection.Iterations) != 2 {
			t.Errorf("%s: %+v, %v", format, b, err)
		}
		opts.Iterations = limit.Default.Iterations + 1
		if _, err := Marshal(format, &Bundle{Items: []Item{it}}, opts); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: too many: %v", format, err)
		}
	}
	opts := &MarshalOptions{Password: []byte("x"), Iterations: 2, Profile: ProfileFIPS}
	if _, err := Marshal(FormatPKCS12, &Bundle{Items: []Item{it}}, opts); !errors.Is(err, ErrUnsupported) {
		t.Errorf("few iterations under FIPS: %v", err)
	}
}

// bareEd25519 returns a key and a certificate of it in PEM. The signature is none.
func bareEd25519(seed []byte) (key, cert []byte) {
	private := ed25519.NewKeyFromSeed(seed)
	oid := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}
	type name struct{}
	type validity struct{ From, To time.Time }
	type spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	type tbs struct {
		Version   int `asn1:"explicit,tag:0"`
		Serial    *big.Int
		Algorithm pkix.AlgorithmIdentifier
		Issuer    name
		Validity  validity
		Subject   name
		Key       spki
	}
	at := time.Unix(1_800_000_000, 0).UTC()
	public := asn1.BitString{Bytes: private.Public().(ed25519.PublicKey), BitLength: 256}
	der := must(asn1.Marshal(struct {
		TBS       tbs
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{tbs{2, big.NewInt(1), oid, name{}, validity{at, at}, name{}, spki{oid, public}}, oid, public}))
	pkcs8 := must(asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, oid, must(asn1.Marshal(seed))}))
	return pemfile.Encode("PRIVATE KEY", nil, pkcs8), pemfile.Encode("CERTIFICATE", nil, der)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// largeInputs has, for every readable format, an input of half a megabyte or so that holds much
// or claims to.
func largeInputs(t *testing.T) map[string][]byte {
	t.Helper()
	const size = 1 << 19
	fill := func(unit []byte) []byte { return bytes.Repeat(unit, size/len(unit)+1) }
	cert := testkeys.Certificate("p256")
	inputs := map[string][]byte{
		"PEM lines":      fill([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")),
		"PEM big block":  pemfile.Encode("CERTIFICATE", nil, make([]byte, size)),
		"PEM keys":       fill(testkeys.PEM("ed25519")),
		"PEM headers":    append([]byte("-----BEGIN RSA PRIVATE KEY-----\n"), fill([]byte("A: b\nB: c\n"))...),
		"base64":         fill([]byte("MIIBAAAA")),
		"nested BER":     append(bytes.Repeat([]byte{0x30, 0x80}, size/4), make([]byte, size/2)...),
		"certs":          fill(certPEM(cert)),
		"lines":          fill(testssh.Read(t, "ed25519_key.pub")),
		"junk lines":     fill([]byte("x\n")),
		"RFC 4716":       fill(testssh.Read(t, "ed25519.ssh2")),
		"SSHFP":          fill([]byte("h IN SSHFP 4 2 " + strings.Repeat("ab", 32) + "\n")),
		"DNSKEY":         fill([]byte("example. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n")),
		"JSON arrays":    append([]byte(`{"keys":`), fill([]byte("["))...),
		"JSON objects":   append(append([]byte(`{"keys":[`), fill([]byte(`{"kty":"oct","k":"AA"},`))...), `{"kty":"oct","k":"AA"}]}`...),
		"XML nested":     append([]byte(`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">`), fill([]byte("<X509Data>"))...),
		"XML keys":       slices.Concat([]byte("<Keys>"), fill([]byte("<KeyName>a</KeyName>")), []byte("</Keys>")),
		"BIND":           append([]byte("Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n"), fill([]byte("Modulus: AAAA\n"))...),
		"PPK":            append([]byte("PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: \nPublic-Lines: 20000\n"), fill([]byte(strings.Repeat("A", 64)+"\n"))...),
		"OpenSSH":        pemfile.Encode("OPENSSH PRIVATE KEY", nil, append([]byte("openssh-key-v1\x00"), fill([]byte{0, 0, 0, 4, 'n', 'o', 'n', 'e'})...)),
		"JKS":            slices.Concat([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0xff, 0}, fill(make([]byte, 8))),
		"JCEKS":          slices.Concat([]byte{0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2, 0, 0, 0xff, 0}, fill([]byte{0, 0, 0, 3, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0xac, 0xed, 0, 5, 0x73})),
		"BKS":            slices.Concat(bksHead, fill([]byte{2, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7})),
		"PKCS #7":        sequence(0x30, append([]byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), fill([]byte{0x30, 0})...)),
		"PkiPath":        sequence(0x30, fill(cert)),
		"CRL":            pemfile.Encode("X509 CRL", nil, fill(testkeys.CRL())),
		"ssh.com":        append([]byte("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n"), fill([]byte("Comment: a\n"))...),
		"PVK":            append([]byte{0x1e, 0xf1, 0xb5, 0xb0}, fill(make([]byte, 8))...),
		"JWE recipients": []byte(`{"recipients":[` + strings.TrimSuffix(strings.Repeat(`{"header":{"alg":"PBES2-HS256+A128KW"}},`, size/40), ",") + `],"ciphertext":"AA","iv":"AA","tag":"AA","protected":"e30"}`),
	}
	var items []Item
	for i := range 200 {
		items = append(items, Item{Alias: fmt.Sprintf("a%d", i), Key: testKey("rsa2048"), Certs: newCertificates(testkeys.Chain("rsa2048", "www"))})
	}
	for _, format := range []Format{FormatPKCS12, FormatJKS, FormatJCEKS, FormatBCFKS, FormatJWK, FormatJWE, FormatXML, FormatPKCS8} {
		opts := &MarshalOptions{Iterations: 1, AllowLoss: true, Variant: map[Format]string{FormatXML: "extension"}[format]}
		if formatRows.row(format).Encrypts {
			opts.Password = []byte(teststore.Password)
		}
		data, err := Marshal(format, &Bundle{Items: items}, opts)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		inputs["written "+string(format)] = data
		inputs["written "+string(format)+" in base64"] = []byte(base64.StdEncoding.EncodeToString(data))
	}
	return inputs
}

// bksHead is a store of version 2 with a salt of 20 bytes and one round.
var bksHead = slices.Concat([]byte{0, 0, 0, 2, 0, 0, 0, 20}, make([]byte, 20), []byte{0, 0, 0, 1})

// sequence is DER with a length of four bytes.
func sequence(tag byte, content []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{tag, 0x84}, uint32(len(content))), content...)
}

// TestMemory checks the promise of 16 times the input and 2 MiB: the most that is alive at
// once while Parse runs, for every format that reads the input. Collecting often keeps
// what is dead out of the measure.
func TestMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	for name, in := range largeInputs(t) {
		opts := storeOptions()
		opts.Limits.Iterations = 1000
		most := uint64(16*len(in) + 2<<20)
		parse := func() error {
			_, err := Parse(in, opts)
			return err
		}
		peak, err := peakOf(parse)
		for range 20 { // what a collector that comes late counts too much, it does not always
			if peak <= most {
				break
			}
			again, _ := peakOf(parse)
			peak = min(peak, again)
		}
		if peak > most {
			t.Errorf("%s: %d bytes for %d of input, %.1f times (%.100v)", name, peak, len(in), float64(peak)/float64(len(in)), err)
		}
	}
}

// peakOf returns by how much the heap grew at most while f ran.
func peakOf(f func() error) (peak uint64, err error) {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	before := stats.HeapAlloc
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var stats runtime.MemStats
		for {
			runtime.ReadMemStats(&stats)
			most.Store(max(most.Load(), stats.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	err = f()
	close(stop)
	<-stopped
	return most.Load() - min(before, most.Load()), err
}
