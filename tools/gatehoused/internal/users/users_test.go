package users

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestCurrentIsLookedUp(t *testing.T) {
	me, err := Current()
	if err != nil {
		t.Skip("this process has no account: ", err)
	}
	if me.UID != uint32(os.Getuid()) || !slices.Contains(me.Groups, me.GID) {
		t.Errorf("current account: %+v", me)
	}
	again, err := Lookup(me.Name)
	if err != nil || again.UID != me.UID || again.Shell == "" {
		t.Errorf("Lookup(%q) = %+v, %v", me.Name, again, err)
	}
}

func TestUnknownAccounts(t *testing.T) {
	for _, name := range []string{"", "no-such-user-here", "root\x00", "../root", "root:x", "0"} {
		if a, err := Lookup(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("Lookup(%q) = %+v, %v", name, a, err)
		}
	}
}

// fakeDatabase is what getent answers: an account that no file has.
func fakeDatabase(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$1 $2\" = 'passwd remote' ] && echo 'remote:x:5:5::/:/usr/sbin/nologin' || exit 2\n"
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestShells(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwd")
	text := "root:x:0:0::/root:/bin/bash\nshort:x:1\nempty:x:2:2::/:\nshut:x:3:3::/:/usr/sbin/nologin\nno:x:4:4::/:/bin/false\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fakeDatabase(t)
	tests := []struct {
		name, shell  string
		known, login bool
	}{
		{"root", "/bin/bash", true, true}, {"empty", defaultShell, true, true},
		{"shut", "/usr/sbin/nologin", true, false}, {"no", "/bin/false", true, false},
		{"remote", "/usr/sbin/nologin", true, false},
		{"short", "", false, false}, {"nobody-here", "", false, false}, {"-h", "", false, false},
	}
	for _, tt := range tests {
		shell, err := shellOf(file, tt.name)
		if shell != tt.shell || (err == nil) != tt.known {
			t.Errorf("%s: shell %q, %v", tt.name, shell, err)
		}
		a := &Account{Name: tt.name, Shell: shell}
		if err := a.barred(time.Now(), file+".missing", file+".missing"); tt.known && (err == nil) != tt.login {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if got, err := shellOf(file+".missing", "root"); got != defaultShell || err != nil {
		t.Errorf("without a file and a database: %q, %v", got, err)
	}
}

func TestBarred(t *testing.T) {
	dir := t.TempDir()
	shadow, nologin := filepath.Join(dir, "shadow"), filepath.Join(dir, "nologin")
	text := "locked:!:1:0:9:7:::\nover:*:1:0:9:7::20000:\nshort:x\n"
	if err := os.WriteFile(shadow, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	day := time.Unix(20000*24*60*60, 0)
	tests := []struct {
		name string
		uid  uint32
		now  time.Time
		in   bool
	}{
		{"locked", 1, day, true}, {"short", 1, day, true}, {"absent", 1, day, true},
		{"over", 1, day, false}, {"over", 1, day.Add(-time.Second), true}, {"over", 0, day, false},
	}
	for _, tt := range tests {
		a := &Account{Name: tt.name, UID: tt.uid, Shell: "/bin/sh"}
		if err := a.barred(tt.now, shadow, nologin); (err == nil) != tt.in || err != nil && !errors.Is(err, ErrBarred) {
			t.Errorf("%s at %v: %v", tt.name, tt.now, err)
		}
	}
	if err := os.WriteFile(nologin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []uint32{0, 1} {
		a := &Account{Name: "absent", UID: uid, Shell: "/bin/sh"}
		if err := a.barred(day, shadow, nologin); (err == nil) != (uid == 0) {
			t.Errorf("user %d while only root may log in: %v", uid, err)
		}
	}
}
