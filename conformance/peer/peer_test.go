package peer

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"net"
	"slices"
	"testing"
)

// eachProtection runs a test with every cipher and, where it needs one, every MAC: one
// sender, and receivers of its first packet.
func eachProtection(t *testing.T, test func(t *testing.T, send direction, receiver func() protection)) {
	for _, c := range cipherRows {
		macs := MACs()
		if c.own != nil {
			macs = []string{""}
		}
		for _, mac := range macs {
			t.Run(c.name+"/"+mac, func(t *testing.T) {
				keys := &keySource{sha256.New, []byte("secret"), []byte("hash"), []byte("session")}
				send := direction{prot: must(keys.protection(c.name, mac, "ACE", true))}
				test(t, send, func() protection { return must(keys.protection(c.name, mac, "ACE", false)) })
			})
		}
	}
}

func TestProtectionRoundTrip(t *testing.T) {
	eachProtection(t, func(t *testing.T, send direction, receiver func() protection) {
		recv := receiver()
		for seq, size := range []int{1, 2, 11, 12, 255, 4096, 32768} {
			payload := bytes.Repeat([]byte{byte(size)}, size)
			wire := send.prot.seal(uint32(seq), send.frame(payload, WireFaults{}))
			packet, err := recv.open(uint32(seq), bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			if got := packet[1 : len(packet)-int(packet[0])]; !bytes.Equal(got, payload) {
				t.Fatalf("%d bytes came back as %d", size, len(got))
			}
		}
	})
}

// A packet of which any byte was changed is never taken for the one that was sent.
func TestProtectionNoticesChanges(t *testing.T) {
	eachProtection(t, func(t *testing.T, send direction, receiver func() protection) {
		wire := send.prot.seal(0, send.frame([]byte("payload"), WireFaults{}))
		for i := range wire {
			damaged := bytes.Clone(wire)
			damaged[i] ^= 1
			if _, err := receiver().open(0, bytes.NewReader(damaged)); err == nil {
				t.Fatalf("byte %d changed and the packet was taken", i)
			}
		}
	})
}

// The primes of the groups are safe primes, and group 14 is that of RFC 3526, section 3.
func TestGroupPrimes(t *testing.T) {
	for number, terms := range groupTerms {
		if terms.bits > 4096 && testing.Short() {
			continue
		}
		p := groupPrime(number)
		if p.BitLen() != int(terms.bits) || !p.ProbablyPrime(1) {
			t.Errorf("group %d: no prime of %d bits", number, terms.bits)
		}
	}
	sophie := new(big.Int).Rsh(groupPrime(14), 1)
	if !sophie.ProbablyPrime(4) {
		t.Error("group 14: no safe prime")
	}
	if head := groupPrime(14).Bytes()[:16]; !bytes.Equal(head, []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34}) {
		t.Errorf("group 14 begins with %x", head)
	}
}

func TestMsgAndFields(t *testing.T) {
	n := new(big.Int).SetUint64(0xfedcba9876543210)
	message := Msg(9, byte(7), true, uint32(1<<31), uint64(5), "text", []byte{1, 2}, []string{"a", "b"}, n, Raw("end"))
	f := Parse(message)
	if f.Byte() != 7 || !f.Bool() || f.Uint32() != 1<<31 || !bytes.Equal(f.take(8), []byte{0, 0, 0, 0, 0, 0, 0, 5}) ||
		f.Text() != "text" || !bytes.Equal(f.Bytes(), []byte{1, 2}) || !slices.Equal(f.List(), []string{"a", "b"}) ||
		f.Int().Cmp(n) != 0 || string(f.Rest()) != "end" || f.Err() != nil {
		t.Fatalf("%x was read otherwise, error %v", message, f.Err())
	}
	for i := range len(message) - len("end") {
		f := Parse(message[:i])
		f.Byte()
		f.Bool()
		f.Uint32()
		f.take(8)
		f.Text()
		f.Bytes()
		f.List()
		f.Int()
		if f.Err() == nil {
			t.Fatalf("%d of %d bytes were enough", i, len(message))
		}
	}
}

// The faults of a channel and the server's faults towards a channel, over a pipe without
// any server.
func TestChannelWindow(t *testing.T) {
	client, server := net.Pipe()
	c := New(client, Options{})
	s := New(server, Options{})
	ch := c.newChannel(ourWindow, ourMaxPacket)
	ch.RemoteID, ch.Window, ch.MaxPacket = 5, 10, 4
	sent := make(chan []int, 1)
	go func() {
		var sizes []int
		for range 4 {
			p, err := s.ReadRaw()
			if err != nil {
				break
			}
			f := Parse(p)
			f.Uint32()
			sizes = append(sizes, len(f.Bytes()))
		}
		sent <- sizes
	}()
	if _, err := ch.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	ch.Faults = ChannelFaults{IgnoreWindow: true, IgnoreMaxPacket: true}
	if _, err := ch.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if got := <-sent; !slices.Equal(got, []int{4, 4, 2, 100}) {
		t.Errorf("data went out in pieces of %v", got)
	}
	if err := ch.take(MsgChannelData, &Fields{rest: appendFields(nil, make([]byte, ourMaxPacket+1))}); err == nil {
		t.Error("data beyond the packet size was taken")
	}
	ch.credit = 10
	if err := ch.take(MsgChannelData, &Fields{rest: appendFields(nil, make([]byte, 11))}); err == nil {
		t.Error("data beyond the window was taken")
	}
}
