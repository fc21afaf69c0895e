package alg

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/ripemd160"

	"gatehouse/sshd/internal/packet"
	"gatehouse/sshd/internal/umac"
)

// A MAC is a message authentication algorithm (RFC 4253, section 6.4).
type MAC struct {
	Info
	KeyLen int  // bytes to derive
	Size   int  // bytes of a tag
	EtM    bool // computed over the ciphertext

	setup func(m *MAC, key []byte) (packet.MAC, error)
}

// MACs are the message authentication algorithms.
var MACs = Table[*MAC]{
	{Info{"hmac-sha2-256-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5; RFC 6668", Modern, Ranks{Modern2026: 1, Reference2022: 11, FIPS2026: 1, Legacy2026: 1}}, 32, 32, true, hmacOf(sha256.New)},
	{Info{"hmac-sha2-512-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5; RFC 6668", Modern, Ranks{Modern2026: 2, Reference2022: 12, FIPS2026: 2, Legacy2026: 2}}, 64, 64, true, hmacOf(sha512.New)},
	{Info{"umac-128-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5; RFC 4418", Modern, Ranks{Modern2026: 3, Legacy2026: 3}}, 16, 16, true, umacOf},
	{Info{"hmac-sha2-256", "RFC 6668, section 2", Modern, Ranks{Reference2022: 1, FIPS2026: 3, Legacy2026: 4}}, 32, 32, false, hmacOf(sha256.New)},
	{Info{"hmac-sha2-512", "RFC 6668, section 2", Modern, Ranks{Reference2022: 2, FIPS2026: 4, Legacy2026: 5}}, 64, 64, false, hmacOf(sha512.New)},
	{Info{"umac-128@openssh.com", "draft-miller-secsh-umac; RFC 4418", Modern, Ranks{Legacy2026: 6}}, 16, 16, false, umacOf},
	{Info{"hmac-sha1-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5", Legacy, Ranks{Legacy2026: 7}}, 20, 20, true, hmacOf(sha1.New)},
	{Info{"umac-64-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5; RFC 4418", Legacy, Ranks{Legacy2026: 8}}, 16, 8, true, umacOf},
	{Info{"umac-64@openssh.com", "draft-miller-secsh-umac; RFC 4418", Legacy, Ranks{Legacy2026: 9}}, 16, 8, false, umacOf},
	{Info{"hmac-sha1", "RFC 4253, section 6.4", Legacy, Ranks{Reference2022: 3, Legacy2026: 10}}, 20, 20, false, hmacOf(sha1.New)},
	{Info{"hmac-ripemd160", "no specification; RIPEMD-160 in RFC 2104", Legacy, Ranks{Reference2022: 5, Legacy2026: 11}}, 20, 20, false, hmacOf(ripemd160.New)},
	{Info{"hmac-sha2-256-96", "draft-dbider-sha2-mac-for-ssh-00", Legacy, Ranks{Reference2022: 8, Legacy2026: 12}}, 32, 12, false, hmacOf(sha256.New)},
	{Info{"hmac-sha2-512-96", "draft-dbider-sha2-mac-for-ssh-00", Legacy, Ranks{Reference2022: 9, Legacy2026: 13}}, 64, 12, false, hmacOf(sha512.New)},
	{Info{"hmac-sha1-96", "RFC 4253, section 6.4", Legacy, Ranks{Reference2022: 6, Legacy2026: 14}}, 20, 12, false, hmacOf(sha1.New)},
	{Info{"hmac-sha1-96-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5", Legacy, Ranks{Legacy2026: 15}}, 20, 12, true, hmacOf(sha1.New)},
	{Info{"hmac-ripemd160-96", "no specification; RIPEMD-160 in RFC 2104", Legacy, Ranks{Reference2022: 10, Legacy2026: 16}}, 20, 12, false, hmacOf(ripemd160.New)},
	{Info{"hmac-md5", "RFC 4253, section 6.4", Broken, Ranks{Reference2022: 4}}, 16, 16, false, hmacOf(md5.New)},
	{Info{"hmac-md5-96", "RFC 4253, section 6.4", Broken, Ranks{Reference2022: 7}}, 16, 12, false, hmacOf(md5.New)},
	{Info{"hmac-md5-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5", Broken, nil}, 16, 16, true, hmacOf(md5.New)},
	{Info{"hmac-md5-96-etm@openssh.com", "OpenSSH PROTOCOL, section 1.5", Broken, nil}, 16, 12, true, hmacOf(md5.New)},
}

func (m *MAC) new(key []byte) (packet.MAC, error) {
	if len(key) != m.KeyLen {
		return nil, fmt.Errorf("alg: %s: key of %d bytes", m.Name, len(key))
	}
	return m.setup(m, key)
}

// hmacOf is HMAC (RFC 2104) over the sequence number and the packet, cut to the size of the row.
func hmacOf(h func() hash.Hash) func(*MAC, []byte) (packet.MAC, error) {
	return func(m *MAC, key []byte) (packet.MAC, error) {
		return &keyedHash{mac: hmac.New(h, key), size: m.Size}, nil
	}
}

// A keyedHash is one HMAC state, used again for every packet.
type keyedHash struct {
	mac  hash.Hash
	size int
	seq  [4]byte
	sum  [sha512.Size]byte
}

func (k *keyedHash) Size() int { return k.size }

func (k *keyedHash) Sum(tag []byte, seq uint32, data []byte) {
	k.mac.Reset()
	binary.BigEndian.PutUint32(k.seq[:], seq)
	k.mac.Write(k.seq[:])
	k.mac.Write(data)
	copy(tag, k.mac.Sum(k.sum[:0])[:k.size])
}

// umacOf is UMAC (RFC 4418) over the packet. The sequence number, as 64 bits, is its nonce.
func umacOf(m *MAC, key []byte) (packet.MAC, error) {
	u, err := umac.New(key, m.Size)
	if err != nil {
		return nil, err
	}
	return &nonceMAC{umac: u}, nil
}

type nonceMAC struct {
	umac  *umac.UMAC
	nonce [8]byte
}

func (n *nonceMAC) Size() int { return n.umac.Size() }

func (n *nonceMAC) Sum(tag []byte, seq uint32, data []byte) {
	binary.BigEndian.PutUint32(n.nonce[4:], seq)
	n.umac.Sum(tag, n.nonce[:], data)
}
