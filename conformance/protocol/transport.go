package protocol

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gatehouse/conformance/peer"
)

// identificationCases are RFC 4253, section 4.2.
var identificationCases = []Case{
	{"rfc4253/4.2/identification", "The server sends a line that begins with SSH-2.0-, ends in CR LF and is at most 255 bytes long.", identification},
	{"rfc4253/4.2/comment", "The server takes an identification with a comment behind a space.", func(ctx context.Context, t *Target) error {
		return identifiesAs(ctx, t, "SSH-2.0-peer_1.0 some comment")
	}},
	{"rfc4253/4.2/longest", "The server takes an identification of 255 bytes with its line end.", func(ctx context.Context, t *Target) error {
		return identifiesAs(ctx, t, "SSH-2.0-"+strings.Repeat("x", 255-len("SSH-2.0-\r\n")))
	}},
	{"rfc4253/4.2/other-protocol", "The server ends the connection of a client that speaks another protocol.", func(ctx context.Context, t *Target) error {
		return identifiesWrong(ctx, t, "GET / HTTP/1.0\r\n\r\n")
	}},
	{"rfc4253/4.2/old-version", "The server ends the connection of a client that has protocol version 1.5 only.", func(ctx context.Context, t *Target) error {
		return identifiesWrong(ctx, t, "SSH-1.5-peer\r\n")
	}},
	{"rfc4253/4.2/endless-line", "The server ends the connection when an identification does not end.", func(ctx context.Context, t *Target) error {
		return identifiesWrong(ctx, t, "SSH-2.0-"+strings.Repeat("x", 64<<10))
	}},
}

func identification(ctx context.Context, t *Target) error {
	c, err := t.open(ctx, peer.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Raw().SetReadDeadline(time.Now().Add(t.options(peer.Options{}).Timeout)); err != nil {
		return err
	}
	lines := bufio.NewReader(io.LimitReader(c.Raw(), 64<<10))
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return &Unmet{"a line that begins with SSH-2.0-", fmt.Sprintf("%q, %v", line, err)}
		}
		if !strings.HasPrefix(line, "SSH-") {
			continue // lines before it are allowed
		}
		if !strings.HasPrefix(line, "SSH-2.0-") || !strings.HasSuffix(line, "\r\n") || len(line) > 255 {
			return &Unmet{"SSH-2.0-, CR LF, at most 255 bytes", fmt.Sprintf("%q", line)}
		}
		return nil
	}
}

// identifiesAs runs a key exchange under an identification.
func identifiesAs(ctx context.Context, t *Target, version string) error {
	c, err := t.dial(ctx, peer.Options{Version: version})
	if err != nil {
		return &Unmet{"a key exchange", err.Error()}
	}
	return c.Close()
}

// identifiesWrong sends something else than an identification.
func identifiesWrong(ctx context.Context, t *Target, text string) error {
	c, err := t.open(ctx, peer.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c.Raw(), text); err != nil {
		return ended(err)
	}
	if err := c.ReadVersion(); err != nil {
		return ended(err)
	}
	return ended(drain(c))
}

// drain reads whatever comes until the connection ends; a server may have sent its KEXINIT
// or a line of text before it saw what it minds.
func drain(c *peer.Conn) error {
	_, err := io.Copy(io.Discard, c.Raw())
	if err == nil {
		return io.EOF
	}
	return err
}

// packetCases are RFC 4253, section 6.
var packetCases = append([]Case{
	{"rfc4253/6/large-packet", "The server takes a packet with 32768 bytes of payload.", func(ctx context.Context, t *Target) error {
		c, err := t.dial(ctx, peer.Options{})
		if err != nil {
			return err
		}
		defer c.Close()
		payload := peer.Msg(peer.MsgIgnore, make([]byte, 32768-5))
		if err := c.WritePacket(payload); err != nil {
			return err
		}
		return alive(c)
	}},
	{"rfc4253/6/random-padding", "The server takes padding of any legal length.", func(ctx context.Context, t *Target) error {
		c, err := t.dial(ctx, peer.Options{Ciphers: []string{"aes128-ctr", "aes128-gcm@openssh.com"}})
		if err != nil {
			return err
		}
		defer c.Close()
		for n := 0; n <= 224; n += 16 {
			if err := c.WriteFaulty(peer.Msg(peer.MsgIgnore, "x"), peer.WireFaults{Padding: n}); err != nil {
				return err
			}
		}
		return alive(c)
	}},
	{"rfc4253/6/clear-misaligned", "Before keys are there, too, the server refuses a packet whose length is no multiple of 8.", func(ctx context.Context, t *Target) error {
		return clearFault(ctx, t, peer.WireFaults{Padding: 3})
	}},
	{"rfc4253/6/clear-length", "The server refuses a clear packet that says that it is 2 GiB long.", func(ctx context.Context, t *Target) error {
		return clearFault(ctx, t, peer.WireFaults{LengthField: 1<<31 - 4})
	}},
	{"rfc4253/6/clear-padding", "The server refuses a clear packet whose padding is longer than the packet.", func(ctx context.Context, t *Target) error {
		return clearFault(ctx, t, peer.WireFaults{PaddingField: 255})
	}},
}, brokenPackets()...)

// clearFault sends a spoilt packet in the place of KEXINIT.
func clearFault(ctx context.Context, t *Target, fault peer.WireFaults) error {
	c, err := t.open(ctx, peer.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		return err
	}
	if err := c.WriteFaulty(peer.Msg(peer.MsgIgnore, "x"), fault); err != nil {
		return ended(err)
	}
	return readRawEnd(c)
}

// readRawEnd is readEnd without answering the server's KEXINIT.
func readRawEnd(c *peer.Conn) error {
	for range 100 {
		if _, err := c.ReadRaw(); err != nil {
			return ended(err)
		}
	}
	return ended(nil)
}

// brokenPackets are faults of encrypted packets, for one cipher of each construction.
func brokenPackets() []Case {
	var cases []Case
	for _, fault := range []struct {
		name, requirement string
		fault             peer.WireFaults
	}{
		{"tag", "a packet with a wrong tag", peer.WireFaults{FlipTag: true}},
		{"body", "a packet of which a byte was changed", peer.WireFaults{FlipBody: true}},
		{"length", "a packet that says that it is 1 GiB long", peer.WireFaults{LengthField: 1 << 30}},
		{"padding", "a packet whose padding is longer than it", peer.WireFaults{PaddingField: 255}},
		{"short-padding", "a packet that says that it has less than four bytes of padding", peer.WireFaults{PaddingField: 3}},
		{"misaligned", "a packet whose length is no multiple of the block", peer.WireFaults{Padding: 3}},
	} {
		for _, with := range []struct{ cipher, mac string }{
			{"aes128-ctr", "hmac-sha2-256"},
			{"aes128-ctr", "hmac-sha2-256-etm@openssh.com"},
			{"aes128-cbc", "hmac-sha2-256"},
			{"aes128-gcm@openssh.com", ""},
			{"chacha20-poly1305@openssh.com", ""},
		} {
			name, _, _ := strings.Cut(with.cipher, "@")
			if strings.Contains(with.mac, "etm") {
				name += "-etm"
			}
			cases = append(cases, Case{
				ID:          "rfc4253/6/" + fault.name + "-" + name,
				Requirement: "The server ends the connection at " + fault.requirement + ", under " + strings.TrimSuffix(with.cipher+" with "+with.mac, " with ") + ".",
				Run: func(ctx context.Context, t *Target) error {
					return encryptedFault(ctx, t, with.cipher, with.mac, fault.fault)
				},
			})
		}
	}
	return cases
}

func encryptedFault(ctx context.Context, t *Target, cipher, mac string, fault peer.WireFaults) error {
	opts := peer.Options{Ciphers: []string{cipher}}
	if mac != "" {
		opts.MACs = []string{mac}
	}
	if err := offers(ctx, t, 2, cipher, 4, mac); err != nil {
		return err
	}
	c, err := t.dial(ctx, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WriteFaulty(peer.Msg(peer.MsgIgnore, "some text to ignore"), fault); err != nil {
		return ended(err)
	}
	// A packet that claims to be longer is waited for, and OpenSSH hides from an attacker of
	// CBC what it minded by reading on, up to 256 KiB. A limit has to end that.
	for range 16 {
		if err := c.WritePacket(peer.Msg(peer.MsgIgnore, make([]byte, 30000))); err != nil {
			return ended(err)
		}
	}
	return readEnd(c)
}

// offers is nil if the server's lists have the names, which are given in pairs with the
// number of their list; an empty name needs no list.
func offers(ctx context.Context, t *Target, pairs ...any) error {
	lists, err := t.lists(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i+1].(string)
		if name != "" && !slices.Contains(lists[pairs[i].(int)], name) {
			return notApplicable("the server does not offer %s", name)
		}
	}
	return nil
}

// transportCases are RFC 4253, sections 9 to 11, and RFC 8308.
var transportCases = []Case{
	{"rfc4253/9/before-login", "The server goes along with key exchanges that the client begins before it logs in.", func(ctx context.Context, t *Target) error {
		c, err := t.dial(ctx, peer.Options{})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := rekeys(c); err != nil {
			return err
		}
		return alive(c)
	}},
	{"rfc4253/9/after-login", "The server goes along with key exchanges that the client begins once it is logged in.", loggedIn(rekeys)},
	{"rfc4253/10/unknown-service", "The server ends the connection when a service is requested that it lacks.", func(ctx context.Context, t *Target) error {
		return afterMessages(ctx, t, readEnd, peer.Msg(peer.MsgServiceRequest, "no-such-service"))
	}},
	{"rfc4253/11.1/disconnect", "The server closes the connection when the client sends DISCONNECT.", func(ctx context.Context, t *Target) error {
		return afterMessages(ctx, t, readEnd, peer.Msg(1, uint32(11), "bye", ""))
	}},
	{"rfc4253/11.2/ignore", "The server ignores IGNORE messages.", func(ctx context.Context, t *Target) error {
		return afterMessages(ctx, t, alive, peer.Msg(peer.MsgIgnore, ""), peer.Msg(peer.MsgIgnore, make([]byte, 1000)))
	}},
	{"rfc4253/11.3/debug", "The server takes DEBUG messages.", func(ctx context.Context, t *Target) error {
		return afterMessages(ctx, t, alive, peer.Msg(peer.MsgDebug, true, "text", ""), peer.Msg(peer.MsgDebug, false, "", "en"))
	}},
	{"rfc4253/11.4/unimplemented", "The server answers a message that it does not know with UNIMPLEMENTED and its sequence number.", unimplemented},
	{"rfc8308/2.1/not-asked", "The server sends no EXT_INFO to a client that did not ask for it.", func(ctx context.Context, t *Target) error {
		c, err := t.dial(ctx, peer.Options{NoExtInfo: true})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := alive(c); err != nil {
			return err
		}
		if len(c.Extensions) > 0 {
			return &Unmet{"no EXT_INFO", fmt.Sprintf("one with %d extensions", len(c.Extensions))}
		}
		return nil
	}},
}

// afterMessages sends messages behind the first key exchange and sees what then happens.
func afterMessages(ctx context.Context, t *Target, then func(*peer.Conn) error, messages ...[]byte) error {
	c, err := t.dial(ctx, peer.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, m := range messages {
		if err := c.WritePacket(m); err != nil {
			return err
		}
	}
	return then(c)
}

// rekeys runs key exchanges, through which the session identifier stays.
func rekeys(c *peer.Conn) error {
	session := bytes.Clone(c.SessionID)
	for range 3 {
		if err := c.Rekey(); err != nil {
			return &Unmet{"a key exchange", err.Error()}
		}
		if !bytes.Equal(session, c.SessionID) {
			return &Unmet{"the session identifier stays", "it changed"}
		}
	}
	return nil
}

// unassigned is a message number of the transport's own range that means nothing.
const unassigned = 15

func unimplemented(ctx context.Context, t *Target) error {
	c, err := t.dial(ctx, peer.Options{NoStrict: true})
	if err != nil {
		return err
	}
	defer c.Close()
	sequence := c.Sent()
	if err := c.WritePacket(peer.Msg(unassigned, "what is this")); err != nil {
		return err
	}
	p, err := c.ReadPacket()
	if err != nil {
		return &Unmet{"UNIMPLEMENTED", err.Error()}
	}
	if f := peer.Parse(p); p[0] != peer.MsgUnimplemented || f.Uint32() != sequence {
		return &Unmet{fmt.Sprintf("UNIMPLEMENTED for packet %d", sequence), fmt.Sprintf("% x", p)}
	}
	return alive(c)
}
