package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Defaults of a HostCertStore: detect the type, take the first entry with a private key.
const (
	storeTypeAuto  = 99
	storeSubject   = "*"
	maxSecretBytes = 64 << 10
)

// A Secret says where a password is to be found: "file:PATH", "env:NAME", "fd:N" or
// "pass:PASSWORD". Its zero value is no password.
type Secret struct {
	from, value string
}

// secretForms are the places a password can come from.
var secretForms = map[string]func(value string) ([]byte, error){
	"pass": func(value string) ([]byte, error) { return []byte(value), nil },
	"env": func(name string) ([]byte, error) {
		password, ok := os.LookupEnv(name)
		if !ok {
			return nil, errors.New("variable is not set")
		}
		return []byte(password), nil
	},
	"file": func(path string) ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return readSecret(f)
	},
	"fd": func(number string) ([]byte, error) {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil, bad(number, "a file descriptor")
		}
		return readSecret(os.NewFile(uintptr(n), "fd "+number))
	},
}

// ParseSecret reads the form of a Secret. Errors do not repeat the text.
func ParseSecret(s string) (Secret, error) {
	from, value, ok := strings.Cut(s, ":")
	if !ok || secretForms[from] == nil {
		return Secret{}, errors.New("password must be file:PATH, env:NAME, fd:NUMBER or pass:PASSWORD")
	}
	return Secret{from, value}, nil
}

// IsSet reports whether there is a password, be it empty.
func (s Secret) IsSet() bool { return s.from != "" }

// Read returns the password, which the caller wipes. Of files one line end at the end is
// not part of it. A descriptor can be read once.
func (s Secret) Read() ([]byte, error) {
	if !s.IsSet() {
		return nil, nil
	}
	password, err := secretForms[s.from](s.value)
	if err != nil {
		return nil, fmt.Errorf("config: read password: %s: %w", s, err)
	}
	return password, nil
}

// String returns the form, without a password.
func (s Secret) String() string {
	if s.from == "pass" {
		return "pass:***"
	}
	return s.from + ":" + s.value
}

// GoString is String, so that no verb prints a password.
func (s Secret) GoString() string { return s.String() }

func readSecret(f *os.File) ([]byte, error) {
	defer f.Close()
	// A buffer that does not grow leaves no copies behind.
	buffer := make([]byte, maxSecretBytes)
	n, err := io.ReadFull(f, buffer)
	if err == nil {
		clear(buffer)
		return nil, errors.New("more than a password")
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	password := bytes.TrimSuffix(buffer[:n], []byte("\n"))
	return bytes.TrimSuffix(password, []byte("\r")), nil
}

// stores is HostCertStore: every line opens a group.
type stores []HostCertStore

func (v *stores) set(args []string) error {
	location, err := one(args)
	if err == nil && location == "" {
		err = errors.New("empty argument")
	}
	if err == nil {
		*v = append(*v, HostCertStore{Location: location, Type: storeTypeAuto, Subject: storeSubject})
	}
	return err
}

// dump writes the lines of a whole group, the first without its keyword.
func (v *stores) dump() []string {
	var lines []string
	for _, s := range *v {
		group := fmt.Sprintf("%s\nhostcertstoretype %d", quote(s.Location), s.Type)
		if s.Password.IsSet() {
			group += "\nhostcertstorepassword " + quote(s.Password.String())
		}
		lines = append(lines, group+"\nhostcertsubject "+quote(s.Subject))
	}
	return lines
}

// storeField is a keyword that belongs to the HostCertStore before it.
type storeField struct {
	stores *[]HostCertStore
	name   string
	assign func(*HostCertStore, string) error
}

func (v storeField) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	if len(*v.stores) == 0 {
		return errors.New("no HostCertStore before it")
	}
	store := &(*v.stores)[len(*v.stores)-1]
	if slices.Contains(store.given, v.name) {
		return errors.New("given before for this HostCertStore")
	}
	store.given = append(store.given, v.name)
	return v.assign(store, arg)
}

func (v storeField) dump() []string { return nil } // by stores

func setStoreType(s *HostCertStore, arg string) error {
	return number{&s.Type, 0, storeTypeAuto}.set([]string{arg})
}

func setStorePassword(s *HostCertStore, arg string) (err error) {
	s.Password, err = ParseSecret(arg)
	return err
}

func setStoreSubject(s *HostCertStore, arg string) error {
	s.Subject = arg
	return nil
}
