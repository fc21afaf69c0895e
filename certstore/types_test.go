package certstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt"
)

// TestNumbers holds the table against the documented numbers: 0 to 22 and 99.
func TestNumbers(t *testing.T) {
	var numbers []int
	for _, row := range Types() {
		numbers = append(numbers, int(row.Type))
		if !row.Type.Valid() || row.Name == "" || row.Title == "" || row.Type.String() != row.Title {
			t.Errorf("row %+v", row)
		}
		if file := strings.HasSuffix(row.Name, "File"); file != (row.Place == PlaceFile) {
			t.Errorf("%s is a %s", row.Name, row.Place)
		}
		if blob := strings.HasSuffix(row.Name, "Blob"); blob != (row.Place == PlaceBlob) {
			t.Errorf("%s is a %s", row.Name, row.Place)
		}
	}
	var want []int
	for n := range 23 {
		want = append(want, n)
	}
	if want = append(want, 99); !slices.Equal(numbers, want) {
		t.Errorf("the numbers are %v", numbers)
	}
	for _, n := range []Type{-1, 23, 98, 100} {
		if _, err := Open(t.Context(), Config{Type: n}); !errors.Is(err, ErrType) {
			t.Errorf("type %d: %v", n, err)
		}
	}
}

func TestTypeOf(t *testing.T) {
	for _, v := range []struct {
		format keyfmt.Format
		place  Place
		hasKey bool
		want   Type
	}{
		{keyfmt.FormatPKCS12, PlaceFile, true, TypePFXFile},
		{keyfmt.FormatPKCS12, PlaceBlob, true, TypePFXBlob},
		{keyfmt.FormatJKS, PlaceFile, true, TypeJKSFile},
		{keyfmt.FormatPEM, PlaceFile, true, TypePEMKeyFile},
		{keyfmt.FormatPEM, PlaceFile, false, TypePublicKeyFile},
		{keyfmt.FormatX509, PlaceBlob, false, TypePublicKeyBlob},
		{keyfmt.FormatSSHPublic, PlaceBlob, false, TypeSSHPublicKeyBlob},
		{keyfmt.FormatSSHPublic, PlaceFile, false, TypeSSHPublicKeyFile},
		{keyfmt.FormatPPK, PlaceFile, true, TypePPKFile},
		{keyfmt.FormatXML, PlaceBlob, true, TypeXMLBlob},
		{keyfmt.FormatJWK, PlaceFile, true, TypeJWKFile},
		{keyfmt.FormatBCFKS, PlaceBlob, true, TypeBCFKSBlob},
		{keyfmt.FormatPKCS7, PlaceFile, false, TypeP7BFile},
		{keyfmt.FormatSSHFP, PlaceFile, false, TypeAuto},
	} {
		if got := typeOf(v.format, v.place, v.hasKey); got != v.want {
			t.Errorf("%s as %s: %s, not %s", v.format, v.place, got, v.want)
		}
	}
}

// TestFormatsExist checks the names that the rows hold against keyfmt's table.
func TestFormatsExist(t *testing.T) {
	known := map[keyfmt.Format]bool{}
	for _, f := range keyfmt.Formats() {
		known[f.Name] = true
	}
	for _, row := range Types() {
		for _, f := range row.Formats {
			if !known[f] {
				t.Errorf("%s: keyfmt has no format %q", row.Name, f)
			}
		}
	}
}

func TestRegister(t *testing.T) {
	open := func(context.Context, Config) (Store, error) { return &fakeStore{}, nil }
	panics := func(d Driver) (did bool) {
		defer func() { did = recover() != nil }()
		Register(d)
		return false
	}
	for what, d := range map[string]Driver{
		"nothing":  {},
		"no type":  {Name: "x", Open: open},
		"no open":  {Name: "x", Types: []Type{TypeSecurityKey}},
		"its name": {Name: "bundle", Types: []Type{TypeSecurityKey}, Open: open},
		"its type": {Name: "x", Types: []Type{TypePPKFile}, Open: open},
	} {
		if !panics(d) {
			t.Errorf("a driver with %s wrong or taken is registered", what)
		}
	}
	_, err := Open(t.Context(), Config{Type: TypeSecurityKey, Location: "pkcs11:"})
	if !errors.Is(err, ErrNoDriver) || !strings.Contains(err.Error(), `import _ "gatehouse/certstore/pkcs11"`) {
		t.Errorf("without driver: %v", err)
	}

	d := Driver{Name: "fake", Types: []Type{TypeSecurityKey}, Open: open,
		Claims: func(location string) bool { return location == "fake:" }}
	Register(d)
	t.Cleanup(func() { drivers.added = nil })
	for _, cfg := range []Config{{Type: TypeSecurityKey}, {Type: TypeAuto, Location: "fake:"}} {
		s, err := Open(t.Context(), cfg)
		if _, ok := s.(*fakeStore); !ok || err != nil {
			t.Errorf("type %d: %v", cfg.Type, err)
		}
	}
	if list := Drivers(); list[len(list)-1].Name != "fake" {
		t.Error("the driver is not listed")
	}
}

func TestDataRefused(t *testing.T) {
	for _, row := range Types() {
		if row.Place != PlaceName && row.Place != PlaceFile {
			continue
		}
		if _, err := Open(t.Context(), Config{Type: row.Type, Data: []byte("x")}); !errors.Is(err, ErrData) {
			t.Errorf("%s with a blob: %v", row.Name, err)
		}
	}
}
