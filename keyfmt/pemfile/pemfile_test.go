package pemfile

import (
	"bytes"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
)

const payload = "the payload of a block, long enough for a second line of base64"

func block(label string) string { return string(Encode(label, nil, []byte(payload))) }

func TestScan(t *testing.T) {
	indented := strings.ReplaceAll(block("A"), "\n", "\n\t  ")
	for _, test := range []struct {
		name, in string
		labels   []string
	}{
		{"one", block("A"), []string{"A"}},
		{"two", block("A") + block("B"), []string{"A", "B"}},
		{"text around", "subject=/CN=x\n" + block("A") + "some text\n\n" + block("B") + "end", []string{"A", "B"}},
		{"CRLF", strings.ReplaceAll(block("A"), "\n", "\r\n"), []string{"A"}},
		{"CR", strings.ReplaceAll(block("A"), "\n", "\r"), []string{"A"}},
		{"indented", indented, []string{"A"}},
		{"byte order mark", bom + block("A"), []string{"A"}},
		{"blank lines inside", strings.ReplaceAll(block("A"), "\n", "\n\n"), []string{"A"}},
		{"no padding", strings.ReplaceAll(block("A"), "=", ""), []string{"A"}},
		{"nothing", "no block here", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			blocks, err := Scan([]byte(test.in), 10)
			if err != nil {
				t.Fatal(err)
			}
			var labels []string
			for _, b := range blocks {
				labels = append(labels, b.Label)
				if b.Err != nil || string(b.Bytes) != payload {
					t.Errorf("%s = %q, %v", b.Label, b.Bytes, b.Err)
				}
				if !bytes.HasPrefix([]byte(test.in[b.Offset:]), []byte("-")) && test.name != "indented" {
					t.Errorf("%s: offset %d", b.Label, b.Offset)
				}
			}
			if !slices.Equal(labels, test.labels) || !slices.Equal(Labels([]byte(test.in)), test.labels) {
				t.Errorf("labels %q, want %q", labels, test.labels)
			}
		})
	}
}

func TestBadBlockDoesNotHinderOthers(t *testing.T) {
	for name, bad := range map[string]string{
		"no end":      "-----BEGIN BAD-----\nAAAA\n",
		"other end":   "-----BEGIN BAD-----\nAAAA\n-----END WORSE-----\n",
		"not base64":  "-----BEGIN BAD-----\n\x00!!!!\n-----END BAD-----\n",
		"odd padding": "-----BEGIN BAD-----\nAAAAA\n-----END BAD-----\n",
	} {
		blocks, err := Scan([]byte(block("A")+bad+block("B")), 10)
		if err != nil || len(blocks) != 3 {
			t.Fatalf("%s: %d blocks, %v", name, len(blocks), err)
		}
		if blocks[0].Err != nil || blocks[2].Err != nil || !errors.Is(blocks[1].Err, fault.ErrMalformed) {
			t.Errorf("%s: %v, %v, %v", name, blocks[0].Err, blocks[1].Err, blocks[2].Err)
		}
	}
}

func TestScanLimit(t *testing.T) {
	if _, err := Scan([]byte(strings.Repeat(block("A"), 3)), 2); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("Scan = %v, want ErrLimit", err)
	}
}

func TestEncodeIsStandard(t *testing.T) {
	b, rest := pem.Decode([]byte(block("A")))
	if b == nil || len(rest) != 0 || string(b.Bytes) != payload {
		t.Errorf("encoding/pem reads %+v, %q", b, rest)
	}
}

func TestEncrypted(t *testing.T) {
	out, err := EncodeEncrypted("A", []byte(payload), []byte("password"), bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Scan(out, 1)
	if err != nil || !blocks[0].Encrypted() {
		t.Fatalf("Scan = %+v, %v", blocks[0], err)
	}
	plain, err := blocks[0].Decrypt([]byte("password"))
	if err != nil || string(plain) != payload {
		t.Errorf("Decrypt = %q, %v", plain, err)
	}
	if _, err := blocks[0].Decrypt([]byte("wrong")); !errors.Is(err, fault.ErrIncorrectPassword) {
		t.Errorf("Decrypt with a wrong password = %v", err)
	}
	if p := blocks[0].Protection(); p.Cipher != "AES-256-CBC" || p.KDF == "" {
		t.Errorf("Protection = %+v", p)
	}
}

func TestDEKInfoErrors(t *testing.T) {
	for header, cause := range map[string]error{
		"AES-256-CBC":               fault.ErrMalformed,
		"AES-256-CBC,0011":          fault.ErrMalformed,
		"AES-256-CBC,xyz":           fault.ErrMalformed,
		"IDEA-CBC,0011223344556677": fault.ErrUnsupported,
		"AES-256-XTS,00112233445566778899aabbccddeeff": fault.ErrUnsupported,
		"DES-CBC,00112233445566778899aabbccddeeff":     fault.ErrMalformed,
	} {
		b := Block{Label: "A", Headers: map[string]string{dekInfo: header}, Bytes: make([]byte, 16)}
		if _, err := b.Decrypt(nil); !errors.Is(err, cause) {
			t.Errorf("%q: %v, want %v", header, err, cause)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(block("A") + "text" + block("B")))
	f.Add([]byte("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0011223344556677\n\nAAAA\n-----END A-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := Scan(data, 100)
		if err != nil {
			return
		}
		if n := len(Labels(data)); n != len(blocks) {
			t.Fatalf("%d labels, %d blocks", n, len(blocks))
		}
		for _, b := range blocks {
			_ = b.Protection()
			if b.Err == nil && b.Encrypted() {
				_, _ = b.Decrypt([]byte("password"))
			}
		}
	})
}
