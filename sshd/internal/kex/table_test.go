package kex

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/sshd/internal/alg"
)

func TestRows(t *testing.T) {
	names := Methods.Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != len(Methods) {
		t.Error("a name is there twice")
	}
	for _, m := range Methods {
		if m.Spec == "" || !m.Hash.Available() || m.start == nil {
			t.Errorf("%s: incomplete row", m.Name)
		}
		if isMarker(m.Name) {
			t.Errorf("%s: a marker is no method", m.Name)
		}
	}
	if len(clients) != len(Methods) {
		t.Errorf("%d client halves for %d methods", len(clients), len(Methods))
	}
	if Lookup("none") != nil {
		t.Error("a method out of nowhere")
	}
}

// The lists are frozen: this test changes only when a profile is added.
func TestProfiles(t *testing.T) {
	for profile, want := range map[alg.Profile]string{
		alg.Modern2026: "mlkem768x25519-sha256,sntrup761x25519-sha512,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512",
		alg.Reference2022: "curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1," +
			"diffie-hellman-group14-sha256,diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,ecdh-sha2-nistp256," +
			"diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,ecdh-sha2-nistp384,ecdh-sha2-nistp521",
		alg.FIPS2026: "mlkem768nistp256-sha256,mlkem1024nistp384-sha384,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521," +
			"diffie-hellman-group16-sha512,diffie-hellman-group15-sha512,diffie-hellman-group14-sha256",
		alg.Legacy2026: "mlkem768x25519-sha256,sntrup761x25519-sha512,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512," +
			"sntrup761x25519-sha512@openssh.com,mlkem1024nistp384-sha384,mlkem768nistp256-sha256,curve448-sha512," +
			"ecdh-sha2-nistp521,ecdh-sha2-nistp384,ecdh-sha2-nistp256,diffie-hellman-group18-sha512,diffie-hellman-group17-sha512," +
			"diffie-hellman-group15-sha512,diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256," +
			"diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1",
	} {
		if got := strings.Join(Methods.Default(profile), ","); got != want {
			t.Errorf("%s:\n%s\n%s", profile, got, want)
		}
	}
	for _, profile := range alg.Profiles() {
		var places []int
		for _, m := range Methods {
			if rank := m.Ranks[profile]; rank != 0 {
				places = append(places, rank)
			}
		}
		slices.Sort(places)
		for i, rank := range places {
			if rank != i+1 {
				t.Errorf("%s: places %v", profile, places)
				break
			}
		}
	}
}
