package keyfmt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/keyfmt/internal/testssh"
)

// An RSA key of SSH 1: bits, exponent and modulus in decimal.
var ssh1Line = "1024 65537 " + strings.Repeat("1234567890", 30) + " old@example\n"

// TestOddLinesAreSkipped: what is no key is named, and the keys beside it are read.
func TestOddLinesAreSkipped(t *testing.T) {
	good := string(testssh.Read(t, "ed25519_key.pub"))
	short := "ssh-rsa " + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x07ssh-rsa\x00\x00\x00\x01\x03")) + "\n"
	in := "no key at all\n" + good + ssh1Line + "ssh-ed25519 AAAA%%% damaged\n" + short + `no-pty,command="a b" ` + good
	b, err := Parse([]byte(in), nil)
	if err != nil || b.Format != FormatSSHPublic || len(b.Items) != 2 || len(b.Skipped) != 4 {
		t.Fatalf("%+v, %v", b, err)
	}
	for i, want := range []struct {
		what  string
		cause error
	}{{"line 1", ErrMalformed}, {"line 3", ErrUnsupported}, {"line 4", ErrMalformed}, {"line 5", ErrMalformed}} {
		var e *ParseError
		if !errors.As(b.Skipped[i], &e) || e.What != want.what || !errors.Is(e, want.cause) {
			t.Errorf("skipped %v, want %s", b.Skipped[i], want.what)
		}
	}
	for in, cause := range map[string]error{ssh1Line: ErrUnsupported, "host,127.0.0.1 " + ssh1Line: ErrUnsupported, short: ErrMalformed} {
		if b, err := Parse([]byte(in), nil); !errors.Is(err, cause) {
			t.Errorf("%.20q alone: %+v, %v", in, b, err)
		}
	}
	junk := good + strings.Repeat("x\n", 1000)
	if _, err := Parse([]byte(junk), nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("a file of junk: %v", err)
	}
}

// TestSecurityKeysStayThat: no format turns a security key into the plain key inside.
func TestSecurityKeysStayThat(t *testing.T) {
	line := "sk-ssh-ed25519@openssh.com " + base64.StdEncoding.EncodeToString(slices.Concat(
		[]byte("\x00\x00\x00\x1ask-ssh-ed25519@openssh.com\x00\x00\x00\x20"), make([]byte, 32), []byte("\x00\x00\x00\x04ssh:"),
	)) + " a token\n"
	b := mustParseSSH(t, FormatSSHPublic, []byte(line), nil)
	for _, info := range Formats() {
		if !info.Write {
			continue
		}
		out, err := Marshal(info.Name, b, nil)
		switch info.Name {
		case FormatSSHPublic, FormatRFC4716, FormatSSHFP:
			if err != nil {
				t.Errorf("%s: %v", info.Name, err)
			}
			continue
		case FormatOpenSSH: // has a place for it, but this one is public
		default:
			var loss *LossError
			if !errors.As(err, &loss) || !strings.Contains(loss.Lost[0], "SK-Ed25519") {
				t.Errorf("%s: %v", info.Name, err)
			}
		}
		if err == nil {
			t.Errorf("%s: %q", info.Name, out)
		}
		if out, err := Marshal(info.Name, b, &MarshalOptions{AllowLoss: true, Password: []byte("x")}); err == nil {
			t.Errorf("%s, losses allowed: %q", info.Name, out)
		}
	}
	if sum, err := b.Items[0].Key.JWKThumbprint(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("thumbprint %x, %v", sum, err)
	}
}

// TestLargeFilesTakeLinearTime pairs keys with the certificates of a file that has many of
// both: an input twice as large takes about twice the time.
func TestLargeFilesTakeLinearTime(t *testing.T) {
	timed := func(n int) time.Duration {
		in := manyPairs(n)
		start := time.Now()
		b, err := Parse(in, nil)
		if err != nil || len(b.Items) != n {
			t.Fatalf("%d items, %v", len(b.Items), err)
		}
		return time.Since(start)
	}
	best := func(n int) time.Duration { return min(timed(n), timed(n)) }
	if small, large := best(200), best(1600); large > 24*small {
		t.Errorf("%d pairs take %v, %d take %v", 200, small, 1600, large)
	}
}

// manyPairs is a PEM file of so many keys, each with a certificate that looks like one, and
// all of them with the same issuer.
func manyPairs(n int) []byte {
	var out []byte
	for i := range n {
		seed := fmt.Appendf(nil, "%032d", i)
		key, cert := bareEd25519(seed)
		out = append(append(out, key...), cert...)
	}
	return out
}
