package verb

import (
	"context"
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

// A keyKind is an algorithm of new keys. Its sizes are the words that can follow the
// colon, the default first; nil if there are none.
type keyKind struct {
	name   string
	sizes  []string
	legacy bool // made only with --legacy
	make   func(size string) (*keyfmt.Key, error)
}

var keyKinds = []keyKind{
	{"rsa", []string{"3072", "2048", "4096", "6144", "8192"}, false, makeRSA},
	{"ecdsa", ecdsaSizes(), false, makeECDSA},
	{"ed25519", nil, false, makeEd25519},
	{"ed448", nil, false, random(asn1.ObjectIdentifier{1, 3, 101, 113}, nil, 57, octets)},
	{"x25519", nil, false, makeX25519},
	{"x448", nil, false, random(asn1.ObjectIdentifier{1, 3, 101, 111}, nil, 56, octets)},
	{"mldsa", []string{"65", "44", "87"}, false, makeMLDSA},
	{"dsa", []string{"2048", "3072", "1024"}, true, makeDSA},
}

// ecCurves are the curves of ecdsa: those of the standard library, and others as their
// names in RFC 5480, SEC 2 and RFC 5639.
var ecCurves = []struct {
	name string
	std  elliptic.Curve
	oid  asn1.ObjectIdentifier
	size int
}{
	{"p256", elliptic.P256(), nil, 0},
	{"p384", elliptic.P384(), nil, 0},
	{"p521", elliptic.P521(), nil, 0},
	{"p224", elliptic.P224(), nil, 0},
	{"secp256k1", nil, asn1.ObjectIdentifier{1, 3, 132, 0, 10}, 32},
	{"brainpoolp256r1", nil, asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}, 32},
	{"brainpoolp384r1", nil, asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 11}, 48},
	{"brainpoolp512r1", nil, asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 13}, 64},
}

func ecdsaSizes() []string {
	var names []string
	for _, c := range ecCurves {
		names = append(names, c.name)
	}
	return names
}

// generateNames lists what generate makes.
func generateNames() []string {
	var names []string
	for _, k := range keyKinds {
		if k.sizes == nil {
			names = append(names, k.name)
		}
		for _, size := range k.sizes {
			names = append(names, k.name+":"+size)
		}
	}
	return names
}

func makeRSA(size string) (*keyfmt.Key, error) {
	var bits int
	fmt.Sscan(size, &bits)
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	return keyfmt.NewKey(k)
}

func makeECDSA(size string) (*keyfmt.Key, error) {
	for _, c := range ecCurves {
		switch {
		case c.name != size:
		case c.std == nil:
			params, err := asn1.Marshal(c.oid)
			if err != nil {
				return nil, err
			}
			return random(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, params, c.size, sec1)("")
		default:
			k, err := ecdsa.GenerateKey(c.std, rand.Reader)
			if err != nil {
				return nil, err
			}
			return keyfmt.NewKey(k)
		}
	}
	return nil, fmt.Errorf("no curve %q", size)
}

func makeEd25519(string) (*keyfmt.Key, error) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return keyfmt.NewKey(k)
}

func makeX25519(string) (*keyfmt.Key, error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return keyfmt.NewKey(k)
}

func makeMLDSA(size string) (*keyfmt.Key, error) {
	arc := map[string]int{"44": 17, "65": 18, "87": 19}[size] // RFC 9881, section 2
	return random(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, arc}, nil, 32, seed)("")
}

func makeDSA(size string) (*keyfmt.Key, error) {
	sizes := map[string]dsa.ParameterSizes{"1024": dsa.L1024N160, "2048": dsa.L2048N256, "3072": dsa.L3072N256}
	k := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&k.Parameters, rand.Reader, sizes[size]); err != nil {
		return nil, err
	}
	if err := dsa.GenerateKey(k, rand.Reader); err != nil {
		return nil, err
	}
	return keyfmt.NewKey(k)
}

// random returns what makes keys that are random bytes, for algorithms which Go has no
// type for. keyfmt computes the public key. Bytes that are no key, because they are beyond
// the order of the curve, are drawn again.
func random(oid asn1.ObjectIdentifier, params []byte, size int, wrap func([]byte) ([]byte, error)) func(string) (*keyfmt.Key, error) {
	return func(string) (*keyfmt.Key, error) {
		secret := make([]byte, size)
		defer clear(secret)
		for {
			rand.Read(secret)
			k, err := newRandomKey(oid, params, secret, wrap)
			if !errors.Is(err, keyfmt.ErrMalformed) {
				return k, err
			}
		}
	}
}

func newRandomKey(oid asn1.ObjectIdentifier, params, secret []byte, wrap func([]byte) ([]byte, error)) (*keyfmt.Key, error) {
	inner, err := wrap(secret)
	if err != nil {
		return nil, err
	}
	var info struct { // PrivateKeyInfo, RFC 5208
		Version   int
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params asn1.RawValue `asn1:"optional"`
		}
		Key []byte
	}
	info.Algorithm.OID, info.Key = oid, inner
	info.Algorithm.Params.FullBytes = params
	der, err := asn1.Marshal(info)
	if err != nil {
		return nil, err
	}
	b, err := keyfmt.ParseAs(keyfmt.FormatPKCS8, der, nil)
	if err != nil {
		return nil, err
	}
	return b.Items[0].Key, nil
}

// octets is a CurvePrivateKey, RFC 8410, section 7.
func octets(secret []byte) ([]byte, error) { return asn1.Marshal(secret) }

// sec1 is an ECPrivateKey without parameters, RFC 5915.
func sec1(secret []byte) ([]byte, error) {
	return asn1.Marshal(struct {
		Version int
		Key     []byte
	}{1, secret})
}

// seed is the seed form of an ML-DSA key, RFC 9881, section 6.
func seed(secret []byte) ([]byte, error) {
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: secret})
}

// A generator has the flags of generate.
type generator struct {
	out     outputWriter
	cert    certificateMaker
	alg     string
	comment string
	alias   string
	legacy  bool
}

func generateCommand() command.Command {
	return command.Command{
		Name: "generate", Args: "OUT", Min: 1, Max: 1,
		Summary: "make a new key, with a certificate or a certificate request if wanted",
		About: `
The format of OUT comes from --to or the extension, as for convert. --self-signed puts a certificate for the
key beside it; --csr FILE writes a certificate request (PKCS #10) to a file of its own.`,
		Examples: []string{
			"generate --alg ed25519 --comment me@work id_ed25519",
			"generate --alg rsa:4096 --self-signed --subject 'CN=gate.example' --san gate.example,10.0.0.1 --out-pass prompt host.pfx",
			"generate --alg ecdsa:p384 --csr host.csr --subject 'CN=gate.example, O=Ports' host.pem",
		},
		Setup: func(fs *flag.FlagSet) command.Action {
			var g generator
			fs.StringVar(&g.alg, "alg", "ed25519", "`algorithm` of the key, see certtool algs")
			fs.StringVar(&g.comment, "comment", "", "`text` that OpenSSH and PuTTY show with the key")
			fs.StringVar(&g.alias, "alias", "", "`name` of the entry in key stores")
			fs.BoolVar(&g.legacy, "legacy", false, "make a key of an algorithm that is out of use: dsa")
			g.cert.flags(fs)
			g.out.flags(fs)
			return g.run
		},
	}
}

func (g *generator) run(ctx context.Context, c *console.Console, args []string) error {
	kind, size, err := g.kind()
	if err := errors.Join(err, g.out.check(), g.cert.check()); err != nil {
		return err
	}
	if err := g.out.choose(args[0]); err != nil {
		return err
	}
	key, err := kind.make(size)
	if err != nil {
		return err
	}
	item := keyfmt.Item{Key: key, Alias: g.alias, Comment: g.comment}
	if g.cert.selfSigned {
		cert, err := g.cert.certificate(key)
		if err != nil {
			return report.About("certificate", err)
		}
		item.Certs = []*keyfmt.Certificate{cert}
	}
	request, err := g.cert.requestFor(key)
	if err != nil {
		return report.About("certificate request", err)
	}
	if err := g.out.write(ctx, c, args[0], &keyfmt.Bundle{Items: []keyfmt.Item{item}}); err != nil {
		return report.About("generate", err)
	}
	return g.cert.writeRequest(c, request, g.out.force)
}

// kind splits "rsa:3072".
func (g *generator) kind() (*keyKind, string, error) {
	name, size, hasSize := strings.Cut(strings.ToLower(g.alg), ":")
	i := slices.IndexFunc(keyKinds, func(k keyKind) bool { return k.name == name })
	switch {
	case i < 0 || hasSize && !slices.Contains(keyKinds[i].sizes, size):
		return nil, "", command.Usagef("--alg: one of %s expected", strings.Join(generateNames(), ", "))
	case keyKinds[i].legacy && !g.legacy:
		return nil, "", command.Usagef("--alg: %s is out of use; --legacy makes one all the same", name)
	case !hasSize && len(keyKinds[i].sizes) > 0:
		size = keyKinds[i].sizes[0]
	}
	return &keyKinds[i], size, nil
}
