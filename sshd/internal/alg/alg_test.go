package alg

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestRows checks what must hold of every row of every table.
func TestRows(t *testing.T) {
	checkTable(t, "ciphers", Ciphers)
	checkTable(t, "MACs", MACs)
	checkTable(t, "compressions", Compressions)
	checkTable(t, "signatures", Signatures)
}

func checkTable[R Row](t *testing.T, kind string, table Table[R]) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range table {
		i := row.Describe()
		if i.Name == "" || i.Spec == "" || seen[i.Name] {
			t.Errorf("%s: name %q, spec %q", kind, i.Name, i.Spec)
		}
		seen[i.Name] = true
		for p := range i.Ranks {
			if !slices.Contains(Profiles(), p) {
				t.Errorf("%s: %s: profile %q", kind, i.Name, p)
			}
		}
		for _, p := range []Profile{Modern2026, FIPS2026} {
			if i.Ranks[p] != 0 && i.Strength != Modern {
				t.Errorf("%s: %s is %v and in %s", kind, i.Name, i.Strength, p)
			}
		}
		if wanted := i.Strength != Broken && i.Ranks != nil; wanted != (i.Ranks[Legacy2026] != 0) {
			t.Errorf("%s: %s is %v and in %s: %v", kind, i.Name, i.Strength, Legacy2026, !wanted)
		}
		if got, ok := table.Lookup(i.Name); !ok || got.Describe() != i {
			t.Errorf("%s: lookup of %s", kind, i.Name)
		}
	}
	for _, p := range Profiles() {
		for n, name := range table.Default(p) {
			if row, _ := table.Lookup(name); row.Describe().Ranks[p] != n+1 {
				t.Errorf("%s: %s: %s has rank %d at place %d", kind, p, name, row.Describe().Ranks[p], n+1)
			}
		}
	}
	modern := table.Default(Modern2026)
	if legacy := table.Default(Legacy2026); !slices.Equal(legacy[:len(modern)], modern) {
		t.Errorf("%s: %s does not begin with %s", kind, Legacy2026, Modern2026)
	}
}

// TestProfileLists pins the lists. A change here is a change of a frozen profile.
func TestProfileLists(t *testing.T) {
	for _, tc := range []struct {
		kind    string
		list    func(Profile) []string
		profile Profile
		want    string
	}{
		{"ciphers", Ciphers.Default, Modern2026, "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr"},
		{"ciphers", Ciphers.Default, Reference2022, "aes256-ctr,aes192-ctr,aes128-ctr,aes256-cbc,aes192-cbc,aes128-cbc,3des-ctr,3des-cbc,blowfish-cbc,arcfour256,arcfour128,arcfour,cast128-cbc,aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"},
		{"ciphers", Ciphers.Default, FIPS2026, "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr"},
		{"MACs", MACs.Default, Modern2026, "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com"},
		{"MACs", MACs.Default, Reference2022, "hmac-sha2-256,hmac-sha2-512,hmac-sha1,hmac-md5,hmac-ripemd160,hmac-sha1-96,hmac-md5-96,hmac-sha2-256-96,hmac-sha2-512-96,hmac-ripemd160-96,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"},
		{"MACs", MACs.Default, FIPS2026, "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"},
		{"compressions", Compressions.Default, Modern2026, "none"},
		{"compressions", Compressions.Default, Reference2022, "none,zlib"},
		{"compressions", Compressions.Default, Legacy2026, "none,zlib@openssh.com,zlib"},
		{"host keys", HostKeys.Default, Modern2026, "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256,x509v3-rsa2048-sha256"},
		{"host keys", HostKeys.Default, Reference2022, "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-256,rsa-sha2-512,ssh-rsa,ssh-dss,x509v3-sign-rsa,x509v3-sign-dss"},
		{"client keys", ClientKeys, Reference2022, "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-dss,x509v3-sign-rsa,x509v3-sign-dss"},
	} {
		if got := strings.Join(tc.list(tc.profile), ","); got != tc.want {
			t.Errorf("%s of %s:\n got %s\nwant %s", tc.kind, tc.profile, got, tc.want)
		}
	}
}

// TestModernKeepsItsPromises checks the rules that the comment at Modern2026 states.
func TestModernKeepsItsPromises(t *testing.T) {
	for _, name := range Ciphers.Default(Modern2026) {
		if strings.Contains(name, "cbc") || strings.Contains(name, "arcfour") {
			t.Errorf("cipher %s", name)
		}
	}
	for _, name := range MACs.Default(Modern2026) {
		if m, _ := MACs.Lookup(name); !m.EtM || m.Size < 16 || strings.Contains(name, "sha1") {
			t.Errorf("MAC %s", name)
		}
	}
	for _, name := range HostKeys.Default(Modern2026) {
		if s, _ := HostKeys.Lookup(name); s.Hash.String() == "SHA-1" || strings.Contains(name, "nistp") {
			t.Errorf("host key %s", name)
		}
	}
	for _, name := range ClientKeys(Modern2026) {
		if s, _ := Signatures.Lookup(name); s.Hash.String() == "SHA-1" {
			t.Errorf("client key %s", name)
		}
	}
	for _, name := range []string{"ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com"} {
		if !slices.Contains(ClientKeys(Modern2026), name) {
			t.Errorf("client key %s is missing", name)
		}
	}
}

func TestResolve(t *testing.T) {
	known := strings.Split("a-1,a-2,b-1,b-2@x.org,c", ",")
	defaults := strings.Split("b-1,a-1", ",")
	for spec, want := range map[string]string{
		"":             "b-1,a-1",
		"c":            "c",
		"c,a-1,c":      "c,a-1",
		"a-*":          "a-1,a-2",
		"*@x.org,?-1":  "b-2@x.org,a-1,b-1",
		"+c,a-1":       "b-1,a-1,c",
		"+*":           "b-1,a-1,a-2,b-2@x.org,c",
		"-b-*":         "a-1",
		"-c":           "b-1,a-1",
		"^a-1":         "a-1,b-1",
		"^c,b-2@x.org": "c,b-2@x.org,b-1,a-1",
	} {
		if got, err := Resolve(known, defaults, spec); err != nil || strings.Join(got, ",") != want {
			t.Errorf("%q: %v, %v, want %s", spec, got, err, want)
		}
	}
	for spec, want := range map[string]error{
		"d": ErrUnknown, "a-1,d": ErrUnknown, "+d": ErrUnknown, "-d": ErrUnknown, "^d*": ErrUnknown,
		",": ErrUnknown, "a-1,": ErrUnknown, "+": ErrUnknown, "[": ErrUnknown, "!a-1": ErrUnknown,
		"-*": ErrEmptyList, "-b-1,a-1": ErrEmptyList,
	} {
		if got, err := Resolve(known, defaults, spec); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v, want %v", spec, got, err, want)
		}
	}
	if &defaults[0] == &must(Resolve(known, defaults, ""))[0] {
		t.Error("the result shares memory with the defaults")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
