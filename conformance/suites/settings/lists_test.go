// Package settings proves the documented configuration settings, through connections of a
// client that shares no code with the server.
package settings

import (
	"crypto"
	"crypto/dsa"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// invalid is the code of values that no documented number is for.
const invalid daemon.Code = 10022

// documented is the default of a behaviour.
func documented(t *testing.T, id string) string {
	t.Helper()
	for _, item := range catalogue.Items() {
		if item.ID == id && item.Default != nil {
			return *item.Default
		}
	}
	t.Fatalf("%s has no default", id)
	return ""
}

// assign tries an assignment.
func assign(d *daemon.Daemon, format string, args ...any) error {
	_, err := d.Config(fmt.Sprintf(format, args...))
	return err
}

// proposal is a list of the KEXINIT, without the names that are no algorithms (RFC 8308,
// section 2.1, and OpenSSH PROTOCOL, section 1.10).
func proposal(t *testing.T, addr string, place int) string {
	t.Helper()
	names := slices.DeleteFunc(facade.Proposal(t, addr)[place], func(name string) bool {
		return strings.HasPrefix(name, "ext-info-") || strings.HasPrefix(name, "kex-strict-")
	})
	return strings.Join(names, ",")
}

// everyKey gives a Daemon a key for each algorithm that there is, and certificates for
// those algorithms that need one.
func everyKey(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	names := []string{"rsa2048", "p256", "p384", "p521", "dsa1024"}
	facade.Set(t, d, fmt.Sprint("AltSSHCertCount=", len(names)))
	for i, name := range names {
		content := string(testkeys.PEM(name))
		var key crypto.Signer
		if name == "dsa1024" {
			key = ourserver.Keys(t)["dsa"]
		} else {
			key = testkeys.Signer(name)
		}
		if _, isDSA := key.Public().(*dsa.PublicKey); isDSA || name == "rsa2048" {
			content += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ourserver.Certify(t, key).Raw}))
		}
		alternative(t, d, i, facade.PEMBlob, content, "", "*")
	}
}

// alternative assigns an alternative certificate.
func alternative(t *testing.T, d *daemon.Daemon, i, kind int, store, password, subject string) {
	t.Helper()
	facade.Set(t, d, fmt.Sprintf("AltSSHCertStoreType[%d]=%d", i, kind), fmt.Sprintf("AltSSHCertStore[%d]=%s", i, store),
		fmt.Sprintf("AltSSHCertStorePassword[%d]=%s", i, password), fmt.Sprintf("AltSSHCertSubject[%d]=%s", i, subject))
}

func TestLists(t *testing.T) {
	for _, tt := range []struct {
		prefix, name string
		place        int // in KEXINIT
		assigned     string
		offered      string // of it, when there are keys for it
	}{
		{"config.kex-algorithms.", "SSHKeyExchangeAlgorithms", 0, "ecdh-sha2-nistp521,rot13,curve25519-sha256", "ecdh-sha2-nistp521,curve25519-sha256"},
		{"config.mac-algorithms.", "SSHMacAlgorithms", 4, "hmac-sha1,hmac-sha2-512", "hmac-sha1,hmac-sha2-512"},
		{"config.mac-algorithms.", "SSHMacAlgorithms", 5, "hmac-sha1,hmac-sha2-512", "hmac-sha1,hmac-sha2-512"},
		{"config.public-key-algorithms.", "SSHPublicKeyAlgorithms", 1, "ssh-rsa,ssh-ed25519,ecdsa-sha2-nistp384", "ssh-rsa,ssh-ed25519,ecdsa-sha2-nistp384"},
	} {
		t.Run(fmt.Sprint(tt.name, tt.place), func(t *testing.T) {
			cover.Covers(t, tt.prefix+"default", tt.prefix+"list-applied")
			d, want := facade.New(t), documented(t, tt.prefix+"default")
			everyKey(t, d)
			if got := facade.Get(t, d, tt.name); got != want {
				t.Errorf("the default is %q", got)
			}
			addr := facade.Listen(t, d)
			if got := proposal(t, addr, tt.place); got != want {
				t.Errorf("by default it proposes %q", got)
			}
			facade.Set(t, d, tt.name+"="+tt.assigned)
			if got := proposal(t, addr, tt.place); got != tt.offered {
				t.Errorf("assigned %q, it proposes %q", tt.assigned, got)
			}
			for _, bad := range []string{"", "rot13"} {
				facade.Refused(t, d, "nothing supported", assign(d, "%s=%s", tt.name, bad), invalid)
			}
			if got := facade.Get(t, d, tt.name); got != tt.assigned {
				t.Errorf("behind the refusals it is %q", got)
			}
		})
	}
}

func TestHostKeyListIsLimited(t *testing.T) {
	cover.Covers(t, "config.public-key-algorithms.list-applied", "config.public-key-algorithms.not-client-auth")
	d := facade.New(t)
	facade.Set(t, d, "SSHPublicKeyAlgorithms=ssh-rsa,ssh-ed25519")
	events := facade.Events()
	events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) { e.Accept = e.AuthMethod == "publickey" }
	addr := facade.Start(t, d, events)
	if got := proposal(t, addr, 1); got != "ssh-ed25519" {
		t.Errorf("with one key it proposes %q", got)
	}
	for _, name := range []string{"p256", "rsa2048", "p521"} {
		if r, err := facade.Greet(t, addr).AuthPublicKey(facade.User, testkeys.Signer(name)); err != nil || !r.OK {
			t.Errorf("a client with %s: %+v, %v", name, r, err)
		}
	}
}

func TestServerVersion(t *testing.T) {
	cover.Covers(t, "config.server-version.default", "config.server-version.custom", "config.server-version.prefix")
	const name = "ServerSSHVersionString"
	d := facade.New(t)
	addr := facade.Listen(t, d)
	own := facade.Get(t, d, name)
	if got := facade.Connect(t, addr, peer.Options{}).ServerVersion; got != own || !strings.HasPrefix(own, "SSH-2.0-Gatehouse") {
		t.Errorf("by default it is %q, and the client reads %q", own, got)
	}
	const custom = "SSH-2.0-Door_7 with a comment"
	facade.Set(t, d, name+"="+custom)
	if got := facade.Connect(t, addr, peer.Options{}).ServerVersion; got != custom {
		t.Errorf("the client reads %q", got)
	}
	for _, bad := range []string{"", "Door", "SSH-1.99-Door", "ssh-2.0-Door", "SSH-2.0-a\r\nb", "SSH-2.0-a\x00", "SSH-2.0-" + strings.Repeat("x", 260)} {
		facade.Refused(t, d, fmt.Sprintf("%q", bad), assign(d, "%s=%s", name, bad), invalid)
	}
	if got := facade.Connect(t, addr, peer.Options{}).ServerVersion; got != custom {
		t.Errorf("behind the refusals the client reads %q", got)
	}
}

// TestVersionPattern: which clients are admitted, by what they say they are.
func TestVersionPattern(t *testing.T) {
	const p = "config.version-pattern."
	for _, tt := range []struct {
		pattern, version string // "" leaves the default
		admitted         bool
		id               string
	}{
		{"", "SSH-2.0-a", true, p + "default"},
		{"", "SSH-1.99-a", true, p + "default"},
		{"*SSH-2.0-*", "SSH-1.99-a", false, p + "reject"},
		{"*SSH-2.0-Good*", "SSH-2.0-Bad", false, p + "reject"},
		{"*SSH-2.0-Good*", "SSH-2.0-Good_1", true, p + "wildcards"},
		{"*SSH-1.99-*, *Open*_9*", "SSH-2.0-OpenSSH_9.6", true, p + "wildcards"},
		{"*SSH-1.99-*,*Open*_9*", "SSH-2.0-OpenSSH_8.9", false, p + "reject"},
		{"SSH-2.0-exact", "SSH-2.0-exact", true, p + "wildcards"},
		{"SSH-2.0-exact", "SSH-2.0-exactly", false, p + "reject"},
	} {
		t.Run(tt.pattern+" "+tt.version, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			if got, want := facade.Get(t, d, "SSHVersionPattern"), documented(t, p+"default"); got != want {
				t.Errorf("the default is %q", got)
			}
			if tt.pattern != "" {
				facade.Set(t, d, "SSHVersionPattern="+tt.pattern)
			}
			c, err := peer.Dial(t.Context(), facade.Listen(t, d), peer.Options{Version: tt.version})
			if err == nil {
				c.Close()
			}
			if (err == nil) != tt.admitted {
				t.Errorf("the client got: %v", err)
			}
		})
	}
}
