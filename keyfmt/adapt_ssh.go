package keyfmt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/sshkey"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/opensshkey"
	"gatehouse/keyfmt/ppk"
)

// sshRows are the formats of SSH programs and those that hold keys as bare numbers.
var sshRows = slices.Concat(sshPrivateRows, sshPublicRows, numberRows)

// sshPrivateRows are the formats of SSH programs that hold private keys.
var sshPrivateRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatOpenSSH, Title: "OpenSSH private key", Extensions: []string{"openssh"},
			Read: true, Write: true, Encrypts: true, Kinds: []Kind{KindKey},
			Variants: opensshkey.Ciphers(), Spec: "OpenSSH PROTOCOL.key",
		},
		labels:  []string{opensshkey.PEMType},
		sniff:   sniffOpenSSH,
		parse:   parseOpenSSH,
		marshal: marshalOpenSSH,
		wire:    true,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatPPK, Title: "PuTTY private key (PPK)", Extensions: []string{"ppk"},
			Read: true, Write: true, Encrypts: true, Kinds: []Kind{KindKey},
			Variants: ppkVariantNames(), Spec: "PuTTY manual, appendix on PPK",
		},
		sniff:   sniffStart(ppk.Magic),
		parse:   parsePPK,
		marshal: marshalPPK,
	},
}

// sniffStart recognises text that begins with magic.
func sniffStart(magic string) func([]byte) (Confidence, string) {
	return func(head []byte) (Confidence, string) {
		if bytes.HasPrefix(trimText(head), []byte(magic)) {
			return Certain, fmt.Sprintf("it begins with %q", magic)
		}
		return No, ""
	}
}

// sniffContains recognises text that has a line which begins with magic, after whatever
// a mail or a terminal put in front of it.
func sniffContains(magic string) func([]byte) (Confidence, string) {
	return func(head []byte) (Confidence, string) {
		for line := range bytes.Lines(trimText(head)) {
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte(magic)) {
				return Certain, fmt.Sprintf("a line begins with %q", magic)
			}
		}
		return No, ""
	}
}

// trimText removes a byte order mark and white space, which editors leave in front of
// text.
func trimText(data []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
}

func sniffOpenSSH(head []byte) (Confidence, string) {
	if bytes.HasPrefix(head, []byte(opensshkey.Magic)) {
		return Certain, `it begins with the magic "openssh-key-v1"`
	}
	return sniffContains("-----BEGIN " + opensshkey.PEMType + "-----")(head)
}

// optionalPassword is password, or nil when there is none: formats that show the public
// key without it stay locked then.
func (o *parseContext) optionalPassword() func() ([]byte, error) {
	if o.hasPassword() {
		return o.password
	}
	return nil
}

// publicKey makes the Key of a public key blob.
func publicKey(blob []byte) (*Key, error) {
	p, err := sshkey.FromBlob(blob)
	if err != nil {
		return nil, err
	}
	k := &Key{Algorithm: p.Algorithm, SPKI: p.SPKI}
	if p.Opaque {
		k.SSH = bytes.Clone(blob)
	}
	return k, nil
}

func parseOpenSSH(data []byte, o *parseContext) (*Bundle, error) {
	f, err := opensshkey.Parse(data, opensshkey.ReadOptions{
		Password: o.optionalPassword(),
		Limits:   o.limits,
	})
	if err != nil {
		return nil, err
	}
	b := &Bundle{Format: o.format, Protection: opensshProtection(f)}
	for i := range f.Keys {
		item, err := opensshItem(&f.Keys[i], f.Locked)
		if err != nil {
			return nil, err
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

// opensshItem lifts one key of an openssh-key-v1 file.
func opensshItem(k *opensshkey.Key, locked bool) (Item, error) {
	item := Item{Comment: k.Comment, Locked: locked}
	if k.Certificate != nil {
		if _, err := item.setSSHCert(k.Certificate); err != nil {
			return item, err
		}
	}
	var err error
	if item.Key, err = publicKey(k.Public); err != nil || locked {
		return item, err
	}
	if item.Key.SSH != nil {
		item.Key.SSHPrivate = k.Private
		return item, nil
	}
	fields, err := k.Fields()
	if err != nil {
		return item, err
	}
	own, err := sshkey.FromPrivate(k.Type, fields)
	if err != nil {
		return item, err
	}
	item.Key = liftKey(own)
	return item, nil
}

func liftKey(k *keyder.Key) *Key { return &Key{Algorithm: k.Algorithm, SPKI: k.SPKI, PKCS8: k.PKCS8} }

// opensshCiphers are what ciphers are called beyond OpenSSH, and what is weak about them.
var opensshCiphers = map[string]struct{ name, weak string }{
	"aes256-ctr":             {"AES-256-CTR", ""},
	"aes192-ctr":             {"AES-192-CTR", ""},
	"aes128-ctr":             {"AES-128-CTR", ""},
	"aes256-gcm@openssh.com": {"AES-256-GCM", ""},
	"aes128-gcm@openssh.com": {"AES-128-GCM", ""},
	"aes256-cbc":             {"AES-256-CBC", ""},
	"aes192-cbc":             {"AES-192-CBC", ""},
	"aes128-cbc":             {"AES-128-CBC", ""},
	"3des-cbc":               {"3DES-CBC", "3DES has a 64-bit block"},
}

// fewBcryptRounds is what ssh-keygen took before OpenSSH 9.4; less makes guessing cheap.
const fewBcryptRounds = 16

func opensshProtection(f *opensshkey.File) Protection {
	if f.Cipher == "none" {
		return Protection{}
	}
	p := Protection{Cipher: f.Cipher, KDF: "bcrypt", Iterations: f.Rounds}
	if c, ok := opensshCiphers[f.Cipher]; ok {
		p.Cipher = c.name
		p.addWeak(c.weak)
	}
	if f.Rounds < fewBcryptRounds {
		p.addWeak(fmt.Sprintf("%d bcrypt rounds", f.Rounds))
	}
	return p
}

func (p *Protection) addWeak(phrase string) {
	if phrase != "" {
		p.Weak = append(p.Weak, phrase)
	}
}

// onlyKey returns the item of a format that holds one private key.
func onlyKey(b *Bundle) (*Item, error) {
	if len(b.Items) != 1 || b.Items[0].Key == nil || b.Items[0].Key.PKCS8 == nil && b.Items[0].Key.SSHPrivate == nil {
		return nil, fault.Unsupported("bundle", "one private key expected")
	}
	return &b.Items[0], nil
}

// keyComment is the comment of a written key: that of the item, else its alias, without
// the line ends that text formats cannot hold.
func (o *marshalContext) keyComment(item *Item) string {
	comment := item.Comment
	if comment == "" {
		comment = item.Alias
	}
	if strings.ContainsAny(comment, "\r\n\x00") {
		o.lose("the line ends in the comment %q", comment)
		comment = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(comment)
	}
	return comment
}

func marshalOpenSSH(b *Bundle, o *marshalContext) ([]byte, error) {
	item, err := onlyKey(b)
	if err != nil {
		return nil, err
	}
	k := &opensshkey.Key{Comment: o.keyComment(item), Certificate: item.SSHCert}
	if item.Key.SSHPrivate != nil {
		k.Public, k.Private = item.Key.SSH, item.Key.SSHPrivate
		if k.Type, err = sshtype.NameOf(k.Public); err != nil {
			return nil, err
		}
	} else if err := fillOpenSSH(k, item.Key); err != nil {
		return nil, err
	}
	return opensshkey.Marshal(k, opensshkey.WriteOptions{
		Password: o.password, Cipher: o.variant, Rounds: o.iterations, Rand: o.rand,
	})
}

// fillOpenSSH sets the values of a key that has DER.
func fillOpenSSH(k *opensshkey.Key, key *Key) error {
	keyType, fields, err := sshkey.ToPrivate(&keyder.Key{Algorithm: key.Algorithm, SPKI: key.SPKI, PKCS8: key.PKCS8})
	if err != nil {
		return err
	}
	names, err := sshtype.PrivateFields(keyType)
	if err != nil {
		return err
	}
	k.Type, k.Private = keyType, sshtype.Append(nil, names, fields)
	k.Public, err = sshtype.Blob(keyType, fields)
	return err
}

func parsePPK(data []byte, o *parseContext) (*Bundle, error) {
	f, err := ppk.Parse(trimText(data), ppk.ReadOptions{Password: o.optionalPassword(), Limits: o.limits})
	if err != nil {
		return nil, err
	}
	item := Item{Comment: f.Comment, Locked: f.Locked}
	if f.Locked {
		item.Key, err = publicKey(f.Public)
	} else {
		var k *keyder.Key
		if k, err = sshkey.FromPPK(f.Algorithm, f.Public, f.Private); err == nil {
			item.Key = liftKey(k)
		}
	}
	if err != nil {
		return nil, err
	}
	return &Bundle{Format: o.format, Protection: ppkProtection(f), Items: []Item{item}}, nil
}

func ppkProtection(f *ppk.File) Protection {
	switch {
	case f.Encryption == "none":
		return Protection{}
	case f.Version == 2:
		return Protection{
			Cipher: "AES-256-CBC", KDF: "SHA1 once", Iterations: 1, MAC: "HMAC-SHA1",
			Weak: []string{"the password is hashed once and without salt"},
		}
	}
	p := Protection{
		Cipher: "AES-256-CBC", KDF: f.Argon2.Variant, MAC: "HMAC-SHA256",
		Iterations: f.Argon2.Passes, MemoryKiB: f.Argon2.Memory,
	}
	if f.Argon2.Memory < fewArgon2KiB {
		p.addWeak(fmt.Sprintf("Argon2 with %d KiB", f.Argon2.Memory))
	}
	return p
}

// fewArgon2KiB is half of the memory that puttygen takes by default.
const fewArgon2KiB = 4096

// ppkVariants are the dialects of PPK files.
var ppkVariants = []struct {
	name    string
	version int
	argon2  string
}{
	{"v3", 3, "Argon2id"},
	{"v3-argon2i", 3, "Argon2i"},
	{"v3-argon2d", 3, "Argon2d"},
	{"v2", 2, ""},
}

func ppkVariantNames() []string {
	var names []string
	for _, v := range ppkVariants {
		names = append(names, v.name)
	}
	return names
}

func marshalPPK(b *Bundle, o *marshalContext) ([]byte, error) {
	item, err := onlyKey(b)
	if err != nil {
		return nil, err
	}
	if item.SSHCert != nil {
		o.lose("the OpenSSH certificate of %s", item.label(0))
	}
	if item.Key.PKCS8 == nil {
		return nil, fault.Unsupported(item.label(0), "PuTTY has no keys of type %s", item.Key.Algorithm)
	}
	k := &ppk.Key{Comment: o.keyComment(item)}
	k.Algorithm, k.Public, k.Private, err = sshkey.ToPPK(&keyder.Key{SPKI: item.Key.SPKI, PKCS8: item.Key.PKCS8})
	if err != nil {
		return nil, err
	}
	w := ppk.WriteOptions{Password: o.password, Rand: o.rand}
	w.Argon2.Passes = o.iterations
	for _, v := range ppkVariants {
		if v.name == o.variant {
			w.Version, w.Argon2.Variant = v.version, v.argon2
		}
	}
	return ppk.Marshal(k, w)
}
