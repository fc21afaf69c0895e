package protocol

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/conformance/programs"
)

func TestCasesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c.ID] {
			t.Errorf("%s: there twice", c.ID)
		}
		seen[c.ID] = true
		if strings.Count(c.ID, "/") < 1 || !strings.HasSuffix(c.Requirement, ".") || c.Run == nil {
			t.Errorf("%s: lacks a specification, a sentence or steps", c.ID)
		}
	}
}

func TestSelect(t *testing.T) {
	all := len(Cases())
	for _, tt := range []struct {
		patterns []string
		least    int
		most     int
	}{
		{nil, all, all},
		{[]string{"rfc4253/4.2/comment"}, 1, 1},
		{[]string{"rfc4253"}, 20, all - 1},
		{[]string{"rfc4253/7.1/*", "rfc4253/9"}, 5, 30},
		{[]string{"rfc42"}, 0, 0},
	} {
		got, err := Select(tt.patterns...)
		if err != nil || len(got) < tt.least || len(got) > tt.most {
			t.Errorf("%q selects %d cases, want %d to %d; %v", tt.patterns, len(got), tt.least, tt.most, err)
		}
	}
	if _, err := Select("["); err == nil {
		t.Error("a pattern that is none was taken")
	}
}

// openSSHFails are the requirements that OpenSSH 9.2 does not meet: it answers UNIMPLEMENTED
// to messages that come too early or too late, and to KEXINIT before authentication.
var openSSHFails = []string{
	"rfc4252/5.1/after-success",
	"rfc4252/6/channel-open",
	"rfc4252/6/global-request",
	"rfc4253/9/before-login",
}

// The cases are held against a server that is known to be careful. What it fails was
// checked by hand.
func TestAgainstOpenSSH(t *testing.T) {
	server := programs.OpenSSH(t)
	runAll(t, &Target{Addr: server.Addr, User: server.User, Key: server.Key, Timeout: 3 * time.Second}, openSSHFails)
}

// dropbearFails are the requirements that dropbear 2022.83 does not meet: it takes any length
// of padding, and counts the first key exchange as ended with its own NEWKEYS.
var dropbearFails = []string{
	"rfc4253/6/short-padding-aes128-ctr",
	"rfc4253/6/short-padding-chacha20-poly1305",
	"strict-kex/debug-before-newkeys",
	"strict-kex/ignore-before-newkeys",
	"strict-kex/unimplemented-before-newkeys",
}

func TestAgainstDropbear(t *testing.T) {
	server := programs.Dropbear(t)
	runAll(t, &Target{Addr: server.Addr, Timeout: 3 * time.Second}, dropbearFails)
}

// runAll runs all cases against a server of which is known what it fails.
func runAll(t *testing.T, target *Target, fails []string) {
	t.Helper()
	var applied atomic.Int32
	t.Run("cases", func(t *testing.T) {
		for _, c := range Cases() {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				err := c.Run(context.Background(), target)
				var unmet *Unmet
				switch {
				case errors.Is(err, ErrNotApplicable):
					t.Skip(err)
				case errors.As(err, &unmet) && slices.Contains(fails, c.ID):
				case err != nil:
					t.Errorf("%s\n%v", c.Requirement, err)
				case slices.Contains(fails, c.ID):
					t.Log("met now, though listed as failing: another version of the server")
				}
				applied.Add(1)
			})
		}
	})
	if int(applied.Load()) < len(Cases())/2 {
		t.Errorf("only %d of %d cases applied", applied.Load(), len(Cases()))
	}
}
