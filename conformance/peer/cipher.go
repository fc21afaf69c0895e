package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/cast5"
	"golang.org/x/crypto/ripemd160"
)

// A cipherRow is an encryption algorithm. Exactly one of stream and own is set.
type cipherRow struct {
	name    string
	key, iv int
	block   int                                      // padding aligns to it
	stream  func(key, iv []byte, seal bool) crypter  // used with a MAC
	own     func(key, iv []byte) (protection, error) // has its own tag
}

// A crypter encrypts or decrypts the next bytes in place.
type crypter func(b []byte)

// cipherRows lists the ciphers, the ones that we like best first.
var cipherRows = []cipherRow{
	{name: "chacha20-poly1305@openssh.com", key: 64, block: 8, own: newChacha},
	{name: "aes256-gcm@openssh.com", key: 32, iv: 12, block: 16, own: newGCM},
	{name: "aes128-gcm@openssh.com", key: 16, iv: 12, block: 16, own: newGCM},
	{name: "aes256-ctr", key: 32, iv: 16, block: 16, stream: ctr(aes.NewCipher)},
	{name: "aes192-ctr", key: 24, iv: 16, block: 16, stream: ctr(aes.NewCipher)},
	{name: "aes128-ctr", key: 16, iv: 16, block: 16, stream: ctr(aes.NewCipher)},
	{name: "3des-ctr", key: 24, iv: 8, block: 8, stream: ctr(des.NewTripleDESCipher)},
	{name: "aes256-cbc", key: 32, iv: 16, block: 16, stream: cbc(aes.NewCipher)},
	{name: "aes192-cbc", key: 24, iv: 16, block: 16, stream: cbc(aes.NewCipher)},
	{name: "aes128-cbc", key: 16, iv: 16, block: 16, stream: cbc(aes.NewCipher)},
	{name: "3des-cbc", key: 24, iv: 8, block: 8, stream: cbc(des.NewTripleDESCipher)},
	{name: "cast128-cbc", key: 16, iv: 8, block: 8, stream: cbc(newCast128)},
	{name: "blowfish-cbc", key: 16, iv: 8, block: 8, stream: cbc(newBlowfish)},
	{name: "arcfour256", key: 32, block: 8, stream: arcfour(1536)},
	{name: "arcfour128", key: 16, block: 8, stream: arcfour(1536)},
	{name: "arcfour", key: 16, block: 8, stream: arcfour(0)},
}

func newCast128(key []byte) (cipher.Block, error)  { return cast5.NewCipher(key) }
func newBlowfish(key []byte) (cipher.Block, error) { return blowfish.NewCipher(key) }

// ctr is RFC 4344, section 4.
func ctr(newBlock func([]byte) (cipher.Block, error)) func(key, iv []byte, seal bool) crypter {
	return func(key, iv []byte, _ bool) crypter {
		s := cipher.NewCTR(must(newBlock(key)), iv)
		return func(b []byte) { s.XORKeyStream(b, b) }
	}
}

// cbc is RFC 4253, section 6.3. What a faulty packet has behind its last whole block stays
// as it is.
func cbc(newBlock func([]byte) (cipher.Block, error)) func(key, iv []byte, seal bool) crypter {
	return func(key, iv []byte, seal bool) crypter {
		mode := cipher.NewCBCDecrypter(must(newBlock(key)), iv)
		if seal {
			mode = cipher.NewCBCEncrypter(must(newBlock(key)), iv)
		}
		return func(b []byte) {
			b = b[:len(b)-len(b)%mode.BlockSize()]
			mode.CryptBlocks(b, b)
		}
	}
}

// arcfour is RFC 4253, section 6.3; with discarded bytes RFC 4345, section 4.
func arcfour(discard int) func(key, iv []byte, seal bool) crypter {
	return func(key, _ []byte, _ bool) crypter {
		s := must(rc4.NewCipher(key))
		s.XORKeyStream(make([]byte, discard), make([]byte, discard))
		return func(b []byte) { s.XORKeyStream(b, b) }
	}
}

// A macRow is a MAC algorithm.
type macRow struct {
	name  string
	whole func(key []byte, seq uint32, b []byte) []byte // the tag before it is cut
	key   int
	tag   int
	etm   bool // over the ciphertext (OpenSSH PROTOCOL, section 1.5)
}

// macRows lists the MACs, the ones that we like best first.
var macRows = []macRow{
	{"hmac-sha2-256-etm@openssh.com", hmacOf(sha256.New), 32, 32, true},
	{"hmac-sha2-512-etm@openssh.com", hmacOf(sha512.New), 64, 64, true},
	{"umac-128-etm@openssh.com", umac(16), 16, 16, true},
	{"umac-64-etm@openssh.com", umac(8), 16, 8, true},
	{"hmac-sha2-256", hmacOf(sha256.New), 32, 32, false},
	{"hmac-sha2-512", hmacOf(sha512.New), 64, 64, false},
	{"umac-128@openssh.com", umac(16), 16, 16, false},
	{"umac-64@openssh.com", umac(8), 16, 8, false},
	{"hmac-sha2-256-96", hmacOf(sha256.New), 32, 12, false},
	{"hmac-sha2-512-96", hmacOf(sha512.New), 64, 12, false},
	{"hmac-sha1", hmacOf(sha1.New), 20, 20, false},
	{"hmac-sha1-etm@openssh.com", hmacOf(sha1.New), 20, 20, true},
	{"hmac-sha1-96", hmacOf(sha1.New), 20, 12, false},
	{"hmac-sha1-96-etm@openssh.com", hmacOf(sha1.New), 20, 12, true},
	{"hmac-ripemd160", hmacOf(ripemd160.New), 20, 20, false},
	{"hmac-ripemd160-96", hmacOf(ripemd160.New), 20, 12, false},
	{"hmac-md5", hmacOf(md5.New), 16, 16, false},
	{"hmac-md5-etm@openssh.com", hmacOf(md5.New), 16, 16, true},
	{"hmac-md5-96", hmacOf(md5.New), 16, 12, false},
	{"hmac-md5-96-etm@openssh.com", hmacOf(md5.New), 16, 12, true},
}

// hmacOf is RFC 4253, section 6.4: over the sequence number and b.
func hmacOf(newHash func() hash.Hash) func(key []byte, seq uint32, b []byte) []byte {
	return func(key []byte, seq uint32, b []byte) []byte {
		h := hmac.New(newHash, key)
		h.Write(appendFields(nil, seq))
		h.Write(b)
		return h.Sum(nil)
	}
}

// sum is the tag over the sequence number and b.
func (m *macRow) sum(key []byte, seq uint32, b []byte) []byte { return m.whole(key, seq, b)[:m.tag] }

// must is for constructors that fail on keys of a wrong length alone, which the rows rule out.
func must[T any](v T, err error) T {
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return v
}

// find returns the row with a name; ours has only names out of our own lists.
func find[T any](rows []T, nameOf func(*T) string, name string) *T {
	for i := range rows {
		if nameOf(&rows[i]) == name {
			return &rows[i]
		}
	}
	return nil
}

func (r *cipherRow) rowName() string { return r.name }
func (r *macRow) rowName() string    { return r.name }

// names lists the names of a table in its order.
func names[T any](rows []T, nameOf func(*T) string) []string {
	var list []string
	for i := range rows {
		list = append(list, nameOf(&rows[i]))
	}
	return list
}

// Ciphers lists the ciphers that the peer can do.
func Ciphers() []string { return names(cipherRows, (*cipherRow).rowName) }

// MACs lists the MACs that the peer can do.
func MACs() []string { return names(macRows, (*macRow).rowName) }
