package jwk

import (
	"bytes"
	"compress/flate"
	"crypto"
	_ "crypto/sha256" // the hashes of the tables below
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"

	"golang.org/x/crypto/pbkdf2"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// Protection says how a JWE is encrypted.
type Protection struct {
	Alg        string // "PBES2-HS512+A256KW"
	Enc        string // "A256GCM"
	Iterations int
}

// A keyAlg is a row of the algorithms that take a password (RFC 7518, section 4.8).
type keyAlg struct {
	name string
	hash crypto.Hash
	size int // of the key that wraps the content key
}

var keyAlgs = []keyAlg{
	{"PBES2-HS256+A128KW", crypto.SHA256, 16},
	{"PBES2-HS384+A192KW", crypto.SHA384, 24},
	{"PBES2-HS512+A256KW", crypto.SHA512, 32},
}

// A message is a JWE in whatever serialization, with one recipient after the other.
type message struct {
	protected  string // base64url, as authenticated
	aad        string // base64url
	iv         []byte
	ciphertext []byte
	tag        []byte
	recipients []recipient
}

type recipient struct {
	header       object // all headers together
	encryptedKey []byte
}

// maxRecipients bounds how often the password is tried.
const maxRecipients = 16

// Decrypt returns the plain text of a JWE in compact, flattened or general serialization.
// password is called once, when the JWE proved to take one. A key that the password does
// not unwrap is an incorrect password; damage to what it unwrapped is malformed.
func Decrypt(data []byte, password func() ([]byte, error), lim limit.Limits) ([]byte, *Protection, error) {
	m, err := parseMessage(data)
	if err != nil {
		return nil, nil, err
	}
	var usable []recipient
	for _, r := range m.recipients {
		if err = r.check(lim); err == nil {
			usable = append(usable, r)
		}
	}
	if len(usable) == 0 {
		return nil, nil, err
	}
	secret, err := password()
	if err != nil {
		return nil, nil, err
	}
	for _, r := range usable {
		key, unwrapErr := r.unwrap(secret, lim)
		if unwrapErr != nil {
			err = unwrapErr
			continue
		}
		plain, err := m.open(&r, key, lim)
		clear(key)
		return plain, r.protection(), err
	}
	return nil, nil, err
}

// parseMessage reads any serialization (RFC 7516, section 7).
func parseMessage(data []byte) (*message, error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	o := object{}
	if !bytes.HasPrefix(data, []byte("{")) {
		parts := strings.Split(string(data), ".")
		if len(parts) != 5 {
			return nil, fault.Malformed("JWE", "%d parts instead of five", len(parts))
		}
		for i, name := range []string{"protected", "encrypted_key", "iv", "ciphertext", "tag"} {
			o[name], _ = json.Marshal(parts[i])
		}
	} else if json.Unmarshal(data, &o) != nil {
		return nil, fault.Malformed("JSON", "not one object")
	}
	m := new(message)
	var err error
	if m.protected, err = o.text("protected"); err != nil {
		return nil, err
	}
	if m.aad, err = o.text("aad"); err != nil {
		return nil, err
	}
	for name, to := range map[string]*[]byte{"iv": &m.iv, "ciphertext": &m.ciphertext, "tag": &m.tag} {
		if *to, err = o.octets(name); err != nil {
			return nil, err
		}
	}
	return m, m.readRecipients(o)
}

func (m *message) readRecipients(o object) error {
	shared := object{}
	raw, err := o.octets("protected")
	if err != nil {
		return err
	}
	if len(raw) > 0 {
		if err := shared.merge(raw); err != nil {
			return err
		}
	}
	if err := shared.merge(o["unprotected"]); err != nil {
		return err
	}
	list := []object{o} // flattened: the only recipient is at the top
	if raw, ok := o["recipients"]; ok {
		if list, err = readObjects("recipients", raw, maxRecipients); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return fault.Malformed("recipients", "none")
	}
	for _, one := range list {
		r := recipient{header: object{}}
		r.header.mergeObject(shared)
		if err := r.header.merge(one["header"]); err != nil {
			return err
		}
		if r.encryptedKey, err = one.octets("encrypted_key"); err != nil {
			return err
		}
		m.recipients = append(m.recipients, r)
	}
	return nil
}

// merge adds the members of a JSON object. None may be there (RFC 7516, section 7.2.1), but
// jwx writes some twice: an equal one passes. Nothing to add is fine.
func (o object) merge(raw []byte) error {
	if raw == nil {
		return nil
	}
	var more object
	if json.Unmarshal(raw, &more) != nil {
		return fault.Malformed("header", "not an object")
	}
	if !o.mergeObject(more) {
		return fault.Malformed("header", "a parameter has two values")
	}
	return nil
}

func (o object) mergeObject(more object) bool {
	for name, raw := range more {
		if known, twice := o[name]; twice && !bytes.Equal(known, raw) {
			return false
		}
		o[name] = raw
	}
	return true
}

// alg returns the row of the algorithm that wraps the content key.
func (r *recipient) alg() (*keyAlg, error) {
	name, err := r.header.text("alg")
	if err != nil {
		return nil, err
	}
	for i := range keyAlgs {
		if keyAlgs[i].name == name {
			return &keyAlgs[i], nil
		}
	}
	return nil, fault.Unsupported("alg", "%.48q takes no password", name)
}

// check fails for what no password opens, or only with more work than allowed.
func (r *recipient) check(lim limit.Limits) error {
	if _, err := r.alg(); err != nil {
		return err
	}
	enc, err := r.header.text("enc")
	if err != nil {
		return err
	}
	if _, err := cipherByName(enc); err != nil {
		return err
	}
	if _, critical := r.header["crit"]; critical {
		return fault.Unsupported("crit", "extensions")
	}
	salt, err := r.header.octets("p2s")
	if err != nil {
		return err
	}
	if len(salt) == 0 {
		return fault.Malformed("p2s", "missing")
	}
	rounds, err := r.rounds()
	if err != nil {
		return err
	}
	return limit.Check("p2c", rounds, int64(lim.Iterations))
}

func (r *recipient) rounds() (int64, error) {
	var n float64
	if json.Unmarshal(r.header["p2c"], &n) != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return 0, fault.Malformed("p2c", "not an integer")
	}
	return int64(n), nil
}

func (r *recipient) protection() *Protection {
	p := new(Protection)
	p.Alg, _ = r.header.text("alg")
	p.Enc, _ = r.header.text("enc")
	n, _ := r.rounds()
	p.Iterations = int(n)
	return p
}

// unwrap returns the content key. check has passed.
func (r *recipient) unwrap(password []byte, lim limit.Limits) ([]byte, error) {
	alg, err := r.alg()
	if err != nil {
		return nil, err
	}
	salt, err := r.header.octets("p2s")
	if err != nil {
		return nil, err
	}
	rounds, err := r.rounds()
	if err != nil {
		return nil, err
	}
	if err := lim.Rounds(alg.hash.New(), rounds, alg.size); err != nil {
		return nil, err
	}
	kek := alg.derive(password, salt, int(rounds))
	defer clear(kek)
	return unwrapKey(kek, r.encryptedKey)
}

// derive is PBKDF2 over the algorithm's name and the salt (RFC 7518, section 4.8.1.1).
func (a *keyAlg) derive(password, salt []byte, rounds int) []byte {
	salt = append([]byte(a.name+"\x00"), salt...)
	return pbkdf2.Key(password, salt, rounds, a.size, a.hash.New)
}

// open decrypts the content and inflates it.
func (m *message) open(r *recipient, key []byte, lim limit.Limits) ([]byte, error) {
	enc, err := r.header.text("enc")
	if err != nil {
		return nil, err
	}
	c, err := cipherByName(enc)
	if err != nil {
		return nil, err
	}
	plain, err := c.open(key, m.iv, m.ciphertext, m.tag, m.authenticated())
	if err != nil {
		return nil, err
	}
	zip, err := r.header.text("zip")
	if err != nil || zip == "" {
		return plain, err
	}
	if zip != "DEF" {
		return nil, fault.Unsupported("zip", "%.32q", zip)
	}
	// 16 times is what the memory of a conversion is promised to stay below.
	most := min(int64(lim.Size), 16*int64(len(plain))+64<<10)
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plain)), most+1))
	switch {
	case err != nil:
		return nil, fault.Malformed("zip", "not a deflate stream")
	case int64(len(out)) > most:
		return nil, fault.New(fault.ErrLimit, "zip", "more than %d bytes", most)
	}
	return out, nil
}

// authenticated is the additional data of the content cipher (RFC 7516, section 5.1, step 14).
func (m *message) authenticated() []byte {
	if m.aad == "" {
		return []byte(m.protected)
	}
	return []byte(m.protected + "." + m.aad)
}

// A Serialization is one of the three forms of a JWE.
type Serialization string

// The serializations (RFC 7516, section 7).
const (
	Compact   Serialization = "compact"
	Flattened Serialization = "flattened"
	General   Serialization = "general"
)

// Rounds is a number of iterations for Encrypt: as many as the tool that most systems
// have for JWE, jose of latchset, agrees to do.
const Rounds = 32_768

// Encrypt encrypts a JWK, or a set, with a password: PBES2-HS512+A256KW, with so many
// rounds, and A256GCM.
func Encrypt(plain, password []byte, set bool, form Serialization, rounds int, rand io.Reader) ([]byte, error) {
	random := make([]byte, 16+32+12) // salt, content key, nonce
	if _, err := io.ReadFull(rand, random); err != nil {
		return nil, err
	}
	salt, key, iv := random[:16], random[16:48], random[48:]
	defer clear(key)
	alg := &keyAlgs[2]
	kek := alg.derive(password, salt, rounds)
	defer clear(kek)

	cty := "jwk+json"
	if set {
		cty = "jwk-set+json"
	}
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Enc string `json:"enc"`
		Cty string `json:"cty"`
		P2S octets `json:"p2s"`
		P2C int    `json:"p2c"`
	}{alg.name, "A256GCM", cty, salt, rounds})
	if err != nil {
		return nil, err
	}
	m := &message{protected: b64(header), iv: iv}
	c, err := cipherByName("A256GCM")
	if err != nil {
		return nil, err
	}
	m.ciphertext, m.tag = c.seal(key, iv, plain, m.authenticated())
	m.recipients = []recipient{{encryptedKey: wrapKey(kek, key)}}
	return m.marshal(form)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (m *message) marshal(form Serialization) ([]byte, error) {
	key := m.recipients[0].encryptedKey
	type encrypted struct {
		Key octets `json:"encrypted_key"`
	}
	out := struct {
		Protected  string      `json:"protected"`
		Key        octets      `json:"encrypted_key,omitempty"`
		Recipients []encrypted `json:"recipients,omitempty"`
		IV         octets      `json:"iv"`
		Ciphertext octets      `json:"ciphertext"`
		Tag        octets      `json:"tag"`
	}{Protected: m.protected, IV: m.iv, Ciphertext: m.ciphertext, Tag: m.tag}
	switch form {
	case Compact:
		return []byte(strings.Join([]string{m.protected, b64(key), b64(m.iv), b64(m.ciphertext), b64(m.tag)}, ".")), nil
	case Flattened:
		out.Key = key
	case General:
		out.Recipients = []encrypted{{key}}
	default:
		return nil, errors.New("jwk: internal error: no such serialization")
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}
