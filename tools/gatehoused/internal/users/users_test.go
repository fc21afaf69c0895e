package users

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
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

func TestShells(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwd")
	text := "root:x:0:0::/root:/bin/bash\nshort:x:1\nempty:x:2:2::/:\nshut:x:3:3::/:/usr/sbin/nologin\nno:x:4:4::/:/bin/false\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, shell string
		login       bool
	}{
		{"root", "/bin/bash", true}, {"short", defaultShell, true}, {"empty", defaultShell, true},
		{"nobody-here", defaultShell, true}, {"shut", "/usr/sbin/nologin", false}, {"no", "/bin/false", false},
	}
	for _, tt := range tests {
		a := &Account{Shell: shellOf(file, tt.name)}
		if a.Shell != tt.shell || a.MayLogin() != tt.login {
			t.Errorf("%s: shell %q, may log in: %v", tt.name, a.Shell, a.MayLogin())
		}
	}
	if got := shellOf(file+".missing", "root"); got != defaultShell {
		t.Errorf("without a file: %q", got)
	}
}
