package kex

import "slices"

// An Agreement is what both sides use from the next NEWKEYS on. A MAC is "" beside an
// AEAD cipher, which negotiates none.
type Agreement struct {
	Kex, HostKey                 string
	CipherCS, CipherSC           string
	MACCS, MACSC                 string
	CompressionCS, CompressionSC string

	// GuessWrong: the client sent the first packet of a method that was not chosen,
	// right behind its KEXINIT. That one packet is to be dropped unseen.
	GuessWrong bool
}

// Negotiate finds for each part of a session the first name of the client's list that is
// also in the server's (RFC 4253, section 7.1). aead tells ciphers that bring their own
// MAC. Every method of this package needs a host key that can sign, which all host key
// algorithms can, so methods and host keys go together freely. Languages are ignored.
//
// The error is a *NegotiationError.
func Negotiate(client, server *Init, aead func(cipher string) bool) (*Agreement, error) {
	a := new(Agreement)
	for _, part := range []struct {
		what           string
		client, server []string
		chosen         *string
		cipher         *string // whose MAC this is
	}{
		{"key exchange", client.Kex, server.Kex, &a.Kex, nil},
		{"host key", client.HostKey, server.HostKey, &a.HostKey, nil},
		{"cipher client to server", client.CiphersCS, server.CiphersCS, &a.CipherCS, nil},
		{"cipher server to client", client.CiphersSC, server.CiphersSC, &a.CipherSC, nil},
		{"MAC client to server", client.MACsCS, server.MACsCS, &a.MACCS, &a.CipherCS},
		{"MAC server to client", client.MACsSC, server.MACsSC, &a.MACSC, &a.CipherSC},
		{"compression client to server", client.CompressionCS, server.CompressionCS, &a.CompressionCS, nil},
		{"compression server to client", client.CompressionSC, server.CompressionSC, &a.CompressionSC, nil},
	} {
		if part.cipher != nil && aead(*part.cipher) {
			continue
		}
		name, ok := firstCommon(part.client, part.server)
		if !ok {
			return nil, &NegotiationError{What: part.what, Client: part.client, Server: part.server}
		}
		*part.chosen = name
	}
	a.GuessWrong = client.FirstKexFollows &&
		(preferred(client.Kex) != preferred(server.Kex) || preferred(client.HostKey) != preferred(server.HostKey))
	return a, nil
}

func firstCommon(client, server []string) (string, bool) {
	for _, name := range client {
		if !isMarker(name) && slices.Contains(server, name) {
			return name, true
		}
	}
	return "", false
}

// preferred returns the first name that is a method, "" if there is none. A guess is right
// only if both sides prefer the same.
func preferred(names []string) string {
	for _, name := range names {
		if !isMarker(name) {
			return name
		}
	}
	return ""
}
