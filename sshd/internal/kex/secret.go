package kex

import (
	"crypto"

	"gatehouse/keyfmt/sshwire"
)

// A Secret is the outcome of an exchange. Whoever holds it calls Wipe when all keys are
// derived; Reply and Derive are of no use after that.
type Secret struct {
	K    []byte      // the shared secret as it enters the hashes: an mpint or a string with its length
	H    []byte      // the exchange hash, which the host key signs; the first one is the session id
	Hash crypto.Hash // of the method

	hostKey []byte
	reply   byte   // number of the final message
	public  []byte // the server's public value, encoded
}

// Reply returns the final message of the method:
//
//	byte      31 (KEX_DH_REPLY, KEX_ECDH_REPLY, KEX_HYBRID_REPLY) or 33 (KEX_DH_GEX_REPLY)
//	string    K_S
//	string    server's public value (an mpint where the method says so)
//	string    signature of H
func (s *Secret) Reply(signature []byte) []byte {
	b := make([]byte, 0, 1+4+len(s.hostKey)+len(s.public)+4+len(signature))
	b = append(b, s.reply)
	b = sshwire.AppendString(b, s.hostKey)
	b = append(b, s.public...)
	return sshwire.AppendString(b, signature)
}

// Derive returns n bytes of key material for one of the purposes 'A' to 'F' (RFC 4253,
// section 7.2). sessionID is the H of the first exchange of the connection. The caller
// owns the result and wipes it.
func (s *Secret) Derive(tag byte, sessionID []byte, n int) []byte {
	// All rounds hash K || H first; what follows differs.
	h := s.Hash.New()
	size := h.Size()
	out := make([]byte, 0, (n+size-1)/size*size)
	for len(out) < n {
		h.Reset()
		h.Write(s.K)
		h.Write(s.H)
		if len(out) == 0 {
			h.Write([]byte{tag})
			h.Write(sessionID)
		} else {
			h.Write(out)
		}
		out = h.Sum(out)
	}
	clear(out[n:])
	return out[:n]
}

// Wipe overwrites the shared secret. H is public and stays.
func (s *Secret) Wipe() { clear(s.K) }
