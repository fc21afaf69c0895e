package algorithms

import (
	"crypto"
	"strings"
	"testing"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourdaemon"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd/daemon"
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

// TestClientKeys: a client proves its key with each documented algorithm, which the event
// names. That the event accepts a key lets nobody in whose signature does not verify.
func TestClientKeys(t *testing.T) {
	tried := 0
	for _, item := range catalogue.Items() {
		if !strings.HasPrefix(item.ID, "algo.userauth.") {
			continue
		}
		tried++
		t.Run(item.Subject, func(t *testing.T) {
			cover.Covers(t, item.ID)
			t.Parallel()
			asked := make(chan daemon.SSHUserAuthRequest, 8)
			events := ourdaemon.Events()
			accept := events.SSHUserAuthRequest
			events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
				asked <- *e
				accept(e)
			}
			d := ourdaemon.New(t)
			d.SetEvents(events)
			c := ourdaemon.Dial(t, ourdaemon.Listen(t, d))
			key, blob := keyFor(t, item.Subject)
			for _, spoilt := range []bool{true, false} {
				c.AuthFaults.FlipSignature = spoilt
				r, err := c.AuthPublicKeyAs(ourserver.User, item.Subject, blob, key)
				if err != nil || r.OK == spoilt {
					t.Fatalf("signature spoilt %v: %+v, %v", spoilt, r, err)
				}
				if e := <-asked; e.KeyAlgorithm != item.Subject || e.AuthMethod != "publickey" || e.User != ourserver.User {
					t.Errorf("the event is %+v", e)
				}
			}
		})
	}
	if tried != 10 {
		t.Errorf("the catalogue has %d algorithms of clients", tried)
	}
}
