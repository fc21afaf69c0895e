package machine

import (
	"errors"
	"os"
	"testing"
	"time"

	"gatehouse/conformance/peer"
)

// maxPacket is the longest packet_length that the server takes (docs/PROTOCOL.md).
const maxPacket = 256 << 10

// TestPackets is RFC 4253, section 6, at the limits of ours.
func TestPackets(t *testing.T) {
	ignore := func(n int) []byte { return peer.Msg(peer.MsgIgnore, make([]byte, n)) }
	zlib := peer.Options{Compressions: []string{"zlib"}, Ciphers: []string{"aes128-ctr"}}
	delayed := peer.Options{Compressions: []string{"zlib@openssh.com"}, Ciphers: []string{"aes128-ctr"}}
	run(t, []attack{
		{name: "of nearly 256 KiB", from: loggedIn, want: goesOn, script: send(ignore(maxPacket - 300))},
		{name: "of over 256 KiB", from: loggedIn, want: closes, script: send(ignore(maxPacket + 1))},
		{name: "of over 256 KiB, in clear", from: versions, want: closes, script: send(ignore(maxPacket + 1))},
		{name: "empty, in clear", from: versions, want: ends(protocolError), script: send([]byte{})},
		{name: "empty", from: loggedIn, want: ends(protocolError), script: send([]byte{})},
		{name: "that inflates to 256 KiB", from: loggedIn, opts: zlib, want: goesOn, script: send(ignore(maxPacket - 300))},
		{name: "that inflates to 4 MiB", from: loggedIn, opts: zlib, want: closes, script: send(ignore(4 << 20))},
		{name: "that inflates to 4 MiB, before login", from: keyed, opts: zlib, want: closes, script: send(ignore(4 << 20))},
		{name: "that inflates to 4 MiB, delayed", from: loggedIn, opts: delayed, want: closes, script: send(ignore(4 << 20))},
	})
}

// cbcFaults are faults of a packet under a cipher in CBC mode that different checks find.
var cbcFaults = map[string]peer.WireFaults{
	"length of 2 GiB":         {LengthField: 1<<31 - 4},
	"length over the maximum": {LengthField: maxPacket + 12},
	"length of 1":             {LengthField: 1},
	"length misaligned":       {LengthField: 29},
	"length of another size":  {LengthField: 1020},
	"a wrong tag":             {FlipTag: true},
	"a changed body":          {FlipBody: true},
}

// TestCBCTellsNothing: under a cipher in CBC mode it does not show which check a forged packet
// failed, neither in what the server says nor in how much it reads before it does: as much
// as the longest packet could have (CVE-2008-5161).
func TestCBCTellsNothing(t *testing.T) {
	s := serve(t, nil)
	for _, mac := range []string{"hmac-sha1", "hmac-sha2-256"} {
		said := map[string]string{}
		for name, fault := range cbcFaults {
			c := s.reach(t, peer.Options{Ciphers: []string{"aes128-cbc"}, MACs: []string{mac}, NoExtInfo: true}, keyed)
			forged := peer.Msg(peer.MsgIgnore, make([]byte, 8)) // two blocks of 16 bytes, and the tag
			if err := c.WriteFaulty(forged, fault); err != nil {
				t.Fatal(err)
			}
			rest := make([]byte, 4+maxPacket-2*16)
			if _, err := c.Raw().Write(rest[1:]); err != nil {
				t.Fatalf("%s, %s: %v", mac, name, err)
			}
			_ = c.Raw().SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, err := c.Raw().Read(rest[:1]); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s, %s: the server reacts before the last byte: %d bytes, %v", mac, name, n, err)
			}
			if _, err := c.Raw().Write(rest[:1]); err != nil {
				t.Fatalf("%s, %s: %v", mac, name, err)
			}
			end := c.end(nil)
			ends(macError)(t, c, end)
			said[end.Error()] += name + "; "
			c.Close()
		}
		if len(said) != 1 {
			t.Errorf("%s: the reactions differ: %q", mac, said)
		}
	}
}
