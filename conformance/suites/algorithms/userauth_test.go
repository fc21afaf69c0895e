package algorithms

import (
	"context"
	"crypto"
	"strings"
	"testing"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// keyFor returns the key that a client proves with an algorithm, and how it shows it.
func keyFor(t *testing.T, algorithm string) (crypto.Signer, []byte) {
	t.Helper()
	keys := ourserver.Keys(t)
	kind := map[string]string{"ssh-ed25519": "ed25519", "ssh-dss": "dsa", "x509v3-sign-dss": "dsa",
		"ecdsa-sha2-nistp256": "nistp256", "ecdsa-sha2-nistp384": "nistp384", "ecdsa-sha2-nistp521": "nistp521"}[algorithm]
	if kind == "" {
		kind = "rsa"
	}
	if strings.HasPrefix(algorithm, "x509v3") {
		return keys[kind], ourserver.Certify(t, keys[kind]).Raw
	}
	blob, err := peer.PublicBlob(keys[kind].Public())
	if err != nil {
		t.Fatal(err)
	}
	return keys[kind], blob
}

// TestClientKeys: a client proves its key with each documented algorithm, of which the
// application hears; a signature that does not verify proves nothing.
func TestClientKeys(t *testing.T) {
	tried := 0
	for _, item := range catalogue.Items() {
		if !strings.HasPrefix(item.ID, "algo.userauth.") {
			continue
		}
		tried++
		t.Run(item.Subject, func(t *testing.T) {
			t.Parallel()
			offered, proven := make(chan string, 8), make(chan string, 8)
			config := ourserver.Config(t)
			accept := config.Auth.KeyProven
			config.Auth.KeyOffered = func(_ context.Context, o *sshd.Offer) (bool, error) {
				offered <- o.Algorithm
				return true, nil
			}
			config.Auth.KeyProven = func(ctx context.Context, p *sshd.Proof) sshd.Decision {
				proven <- p.Algorithm
				return accept(ctx, p)
			}
			c, err := peer.Dial(context.Background(), ourserver.Start(t, config, nil), peer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			if err := c.RequestService("ssh-userauth"); err != nil {
				t.Fatal(err)
			}
			key, blob := keyFor(t, item.Subject)
			c.AuthFaults.FlipSignature = true
			if r, err := c.AuthPublicKeyAs(ourserver.User, item.Subject, blob, key); err != nil || r.OK {
				t.Fatalf("with a changed signature: %+v, %v", r, err)
			}
			if got := <-offered; got != item.Subject || len(proven) != 0 {
				t.Fatalf("offered with %q, proven %d times by a changed signature", got, len(proven))
			}
			c.AuthFaults.FlipSignature = false
			if r, err := c.AuthPublicKeyAs(ourserver.User, item.Subject, blob, key); err != nil || !r.OK {
				t.Fatalf("login: %+v, %v", r, err)
			}
			if o, p := <-offered, <-proven; o != item.Subject || p != item.Subject {
				t.Errorf("offered with %q, proven with %q", o, p)
			}
			echo(t, c)
		})
	}
	if tried != 10 {
		t.Errorf("the catalogue has %d algorithms of clients", tried)
	}
}
