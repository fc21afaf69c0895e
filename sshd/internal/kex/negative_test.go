package kex

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/keyfmt/sshwire"
)

// firstError returns the error of the first message that has one, from its step or its work.
func firstError(x Exchange, payloads ...[]byte) error {
	for _, payload := range payloads {
		effect, err := x.Step(payload)
		if err == nil && effect.Work != nil {
			_, err = effect.Work()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func msg30(value []byte) []byte { return append([]byte{30}, value...) }

// TestBadValues feeds each method public values that it must refuse.
func TestBadValues(t *testing.T) {
	x25519Point, p256Point := point(t, ecdh.X25519()), point(t, ecdh.P256())
	ek := make([]byte, mlkem.EncapsulationKeySize768) // all coefficients 0
	overflow := append([]byte{0xff, 0xff, 0xff}, ek[3:]...)
	offCurve := bytes.Clone(p256Point)
	offCurve[64] ^= 1
	compressed := append([]byte{2}, p256Point[1:33]...)

	for _, tt := range []struct {
		what, method string
		value        []byte
		want         error
	}{
		{"nothing", "curve25519-sha256", nil, sshwire.ErrShort},
		{"no bytes", "curve25519-sha256", str(nil), ErrLength},
		{"31 bytes", "curve25519-sha256", str(x25519Point[:31]), ErrLength},
		{"33 bytes", "curve25519-sha256", str(append(x25519Point, 0)), ErrLength},
		{"trailing byte", "curve25519-sha256", append(str(x25519Point), 0), sshwire.ErrTrailing},
		{"zero point", "curve25519-sha256", str(make([]byte, 32)), ErrWeak},
		{"point of order 4", "curve25519-sha256", str(append([]byte{1}, make([]byte, 31)...)), ErrWeak},
		{"zero point", "curve448-sha512", str(make([]byte, 56)), ErrWeak},
		{"32 bytes", "curve448-sha512", str(x25519Point), ErrLength},
		{"not on the curve", "ecdh-sha2-nistp256", str(offCurve), ErrRange},
		{"compressed", "ecdh-sha2-nistp256", str(compressed), ErrLength},
		{"infinity", "ecdh-sha2-nistp256", str([]byte{0}), ErrLength},
		{"zeroes", "ecdh-sha2-nistp256", str(make([]byte, 65)), ErrRange},
		{"point of P-256", "ecdh-sha2-nistp384", str(p256Point), ErrLength},
		{"zeroes", "ecdh-sha2-nistp521", str(make([]byte, 133)), ErrRange},
		{"one byte less", "mlkem768x25519-sha256", str(append(ek, x25519Point[1:]...)), ErrLength},
		{"one byte more", "mlkem768x25519-sha256", str(join(ek, x25519Point, []byte{0})), ErrLength},
		{"coefficient over the modulus", "mlkem768x25519-sha256", str(append(overflow, x25519Point...)), ErrRange},
		{"zero point", "mlkem768x25519-sha256", str(make([]byte, 1216)), ErrWeak},
		{"not on the curve", "mlkem768nistp256-sha256", str(append(ek, offCurve...)), ErrRange},
		{"wrong parameter set", "mlkem1024nistp384-sha384", str(make([]byte, 1281)), ErrLength},
		{"zero point", "sntrup761x25519-sha512", str(make([]byte, 1190)), ErrWeak},
		{"one byte less", "sntrup761x25519-sha512", str(make([]byte, 1189)), ErrLength},
	} {
		t.Run(tt.method+"/"+tt.what, func(t *testing.T) {
			checkValueError(t, firstError(Lookup(tt.method).New(&testParams), msg30(tt.value)), tt.want)
		})
	}
}

func point(t *testing.T, c ecdh.Curve) []byte {
	key, err := c.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey().Bytes()
}

func checkValueError(t *testing.T, err, want error) {
	t.Helper()
	var value *ValueError
	if !errors.As(err, &value) || !errors.Is(err, want) {
		t.Errorf("error %v, want a ValueError of %v", err, want)
	}
}

// TestBadDH sends every named group the residues that are no public values.
func TestBadDH(t *testing.T) {
	for _, m := range Methods {
		bits, ok := groupOf[m.Name]
		if !ok {
			continue
		}
		p := modp()[bits].P
		for what, value := range badResidues(p) {
			t.Run(m.Name+"/"+what, func(t *testing.T) {
				checkValueError(t, firstError(m.New(&testParams), msg30(mpint(value))), ErrRange)
			})
		}
		for what, raw := range map[string][]byte{
			"negative": {0xff}, "not minimal": {0, 1}, "too long": append([]byte{1}, make([]byte, sshwire.MaxMpint)...),
		} {
			t.Run(m.Name+"/"+what, func(t *testing.T) {
				checkValueError(t, firstError(m.New(&testParams), msg30(str(raw))), sshwire.ErrMpint)
			})
		}
	}
}

var groupOf = map[string]int{
	"diffie-hellman-group1-sha1": 1024, "diffie-hellman-group14-sha1": 2048, "diffie-hellman-group14-sha256": 2048,
	"diffie-hellman-group15-sha512": 3072, "diffie-hellman-group16-sha512": 4096,
	"diffie-hellman-group17-sha512": 6144, "diffie-hellman-group18-sha512": 8192,
}

func badResidues(p *big.Int) map[string]*big.Int {
	return map[string]*big.Int{
		"0": new(big.Int), "1": one, "p-1": new(big.Int).Sub(p, one), "p": p, "p+1": new(big.Int).Add(p, one),
	}
}

func TestGroupExchange(t *testing.T) {
	request := func(sizes ...uint32) []byte { return append([]byte{34}, uint32s(sizes...)...) }
	old := append([]byte{30}, uint32s(2048)...)
	for _, tt := range []struct {
		what     string
		payloads [][]byte
		want     error // nil: an UnexpectedError
	}{
		{"sizes in the wrong order", [][]byte{request(4096, 3072, 2048)}, ErrRange},
		{"wanted below the smallest", [][]byte{request(3072, 2048, 8192)}, ErrRange},
		{"wanted above the largest", [][]byte{request(2048, 8192, 4096)}, ErrRange},
		{"largest too small", [][]byte{request(1024, 1024, 2047)}, ErrNoGroup},
		{"smallest too large", [][]byte{request(8193, 8193, 16384)}, ErrNoGroup},
		{"size without a group", [][]byte{request(2049, 2049, 3071)}, ErrNoGroup},
		{"short request", [][]byte{request(2048, 2048)}, sshwire.ErrShort},
		{"long request", [][]byte{request(2048, 2048, 2048, 2048)}, sshwire.ErrTrailing},
		{"two requests", [][]byte{request(2048, 2048, 8192), request(2048, 2048, 8192)}, nil},
		{"a request of each kind", [][]byte{request(2048, 2048, 8192), old}, nil},
		{"public value first", [][]byte{append([]byte{32}, mpint(big.NewInt(5))...)}, nil},
		{"value of 1", [][]byte{request(2048, 2048, 8192), append([]byte{32}, mpint(one)...)}, ErrRange},
	} {
		t.Run(tt.what, func(t *testing.T) {
			err := firstError(Lookup("diffie-hellman-group-exchange-sha256").New(&testParams), tt.payloads...)
			if tt.want != nil {
				checkValueError(t, err, tt.want)
			} else if _, ok := errors.AsType[*UnexpectedError](err); !ok {
				t.Errorf("error %v, want an UnexpectedError", err)
			}
		})
	}
	for what, value := range badResidues(modp()[2048].P) {
		x := Lookup("diffie-hellman-group-exchange-sha256").New(&testParams)
		t.Log(what)
		checkValueError(t, firstError(x, request(2048, 2048, 2048), append([]byte{32}, mpint(value)...)), ErrRange)
	}
}

// The old request is legal only behind its switch, and hashes the one number it has.
func TestOldGroupRequest(t *testing.T) {
	m := Lookup("diffie-hellman-group-exchange-sha1")
	for _, bits := range []uint32{1, 2048, 3000, 1 << 31} {
		gexClient(30, bits)(&peer{t, m.New(&testParams)}).check(t, m.Hash)
	}
	params := testParams
	params.OldGroupRequest = false
	err := firstError(m.New(&params), append([]byte{30}, uint32s(2048)...))
	if e, ok := errors.AsType[*UnexpectedError](err); !ok || e.Got != 30 || !bytes.Equal(e.Want, []byte{34}) {
		t.Errorf("error %v", err)
	}
}

// A configuration may widen or narrow the sizes.
func TestGroupLimits(t *testing.T) {
	m := Lookup("diffie-hellman-group-exchange-sha256")
	params := testParams
	params.GroupMin, params.GroupMax = 1024, 3072
	for want, bits := range map[uint32]int{1024: 1024, 1025: 2048, 4096: 3072} {
		effect := (&peer{t, m.New(&params)}).step(append([]byte{34}, uint32s(1024, want, 8192)...))
		if p := new(big.Int).SetBytes(strs(t, effect.Send[0][1:])[0]); p.BitLen() != bits {
			t.Errorf("%d bits asked: got %d, want %d", want, p.BitLen(), bits)
		}
	}
}

// TestUnexpectedMessages sends each method all other numbers, first and last.
func TestUnexpectedMessages(t *testing.T) {
	for _, m := range Methods {
		done := m.New(&testParams)
		clients[m.Name](&peer{t, done})
		for number := byte(30); number <= 49; number++ {
			err := firstError(done, []byte{number})
			if e, ok := errors.AsType[*UnexpectedError](err); !ok || e.Got != number || len(e.Want) != 0 {
				t.Errorf("%s: message %d after the end: %v", m.Name, number, err)
			}
			fresh := firstError(m.New(&testParams), []byte{number})
			if _, ok := errors.AsType[*ValueError](fresh); ok {
				continue // the right number without a body
			}
			e, ok := errors.AsType[*UnexpectedError](fresh)
			if !ok || e.Got != number || len(e.Want) == 0 || !strings.Contains(fresh.Error(), "expected KEX message 3") {
				t.Errorf("%s: message %d at the beginning: %v", m.Name, number, fresh)
			}
		}
		if err := firstError(m.New(&testParams), nil); err == nil {
			t.Errorf("%s: an empty payload is no error", m.Name)
		}
	}
}

// A source of randomness that fails is an error of the exchange and never a weak secret.
func TestRandomnessFails(t *testing.T) {
	broken := errors.New("broken source")
	params := testParams
	params.Rand = iotest.ErrReader(broken)
	for method, payload := range map[string][]byte{
		"curve25519-sha256":             msg30(str(point(t, ecdh.X25519()))),
		"ecdh-sha2-nistp256":            msg30(str(point(t, ecdh.P256()))),
		"curve448-sha512":               msg30(str(make([]byte, 56))),
		"sntrup761x25519-sha512":        msg30(str(make([]byte, 1190))),
		"diffie-hellman-group14-sha256": msg30(mpint(big.NewInt(4))),
	} {
		if err := firstError(Lookup(method).New(&params), payload); !errors.Is(err, broken) {
			t.Errorf("%s: %v", method, err)
		}
	}
	// A source that only has numbers beyond the order of the curve does not hang.
	params.Rand = ones{}
	if err := firstError(Lookup("ecdh-sha2-nistp256").New(&params), msg30(str(point(t, ecdh.P256())))); err == nil {
		t.Error("a scalar out of ones")
	}
}

type ones struct{}

func (ones) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte{0xff}, len(b))), nil }
