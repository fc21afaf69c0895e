// Package keyfmt converts between the encodings of keys and certificates that programs
// write and one model of what they hold.
//
// [Parse] takes the bytes of a key file, certificate or key store of any supported
// format, [Marshal] writes one, [Detect] says what bytes look like. The package opens no
// file, keeps no state and never asks a terminal.
//
// What was read is kept as DER (see [Key], [Certificate]), so an item lists, compares and
// converts even where Go has no type for its algorithm; only [Key.Signer] and
// [Key.Public] need one.
package keyfmt

import (
	"crypto/x509"
	"io"
)

// A Bundle is everything found in one encoded input, in the order it was stored.
type Bundle struct {
	Format     Format     // the format recognised
	Protection Protection // how the whole input is protected; zero if it is not
	Items      []Item

	// Skipped has a *ParseError for each part that Parse passed over because it could not
	// decode it while it could decode others: PEM blocks, entries of stores, lines of public
	// keys. nil if there were none.
	Skipped []error
}

// An Item is one entry of a bundle: a key, a key with its certificates, certificates
// alone, a secret, a revocation list or a certificate request. Exactly one of Key,
// Certs without Key, Secret, CRL and Request says which; see [Item.Kind].
type Item struct {
	Alias   string // alias, friendlyName, kid or host pattern as stored; "" if the format has none
	Comment string // comment of OpenSSH, PPK and RFC 4716 files

	Key     *Key           // nil for an item without a key of its own
	Certs   []*Certificate // X.509, leaf first; an item with a Key has them for that key
	SSHCert []byte         // OpenSSH certificate (PROTOCOL.certkeys) as a wire blob; nil if none
	Secret  *Secret        // a symmetric key
	CRL     []byte         // DER CertificateList
	Request []byte         // DER CertificationRequest; Key then holds its public key

	// Locked says that a private or secret key is present but stayed encrypted because
	// the entry has a password of its own and none was given.
	Locked     bool
	Protection Protection // protection of this entry apart from that of the bundle

	// Attributes are stored properties that no field above has, by lower-case name
	// ("created", "options", "local-key-id", "use", "key-ops"), in printable form.
	Attributes map[string]string
}

// Kind classifies the item.
func (it *Item) Kind() Kind {
	switch {
	case it.Secret != nil:
		return KindSecret
	case it.CRL != nil:
		return KindCRL
	case it.Key != nil && (it.Key.PKCS8 != nil || it.Key.SSHPrivate != nil || it.Locked):
		return KindKey
	case it.Key != nil || it.SSHCert != nil:
		return KindPublic
	case it.Locked:
		return KindKey
	default:
		return KindCertificate
	}
}

// A Kind is the class of an Item.
type Kind string

// The kinds of items.
const (
	KindKey         Kind = "key"         // a private key, with or without certificates, decrypted or Locked
	KindPublic      Kind = "public"      // a public key alone
	KindCertificate Kind = "certificate" // certificates without a key of their own
	KindSecret      Kind = "secret"
	KindCRL         Kind = "crl"
)

// A Key is a public key, or a key pair, as DER.
type Key struct {
	// Algorithm names the key type and, where it has one, the size or curve: "RSA-3072",
	// "ECDSA-P256", "Ed25519", "DSA-1024", "X448", "ML-DSA-65", "SK-Ed25519"; an
	// algorithm without a name is its OID in dotted form.
	Algorithm string
	// SPKI is the DER SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7). It is nil for key
	// types that have none and for a Locked key without certificate. For a security key it
	// is that of the key inside, which alone is another key: see SSH.
	SPKI []byte
	// PKCS8 is the plain DER PrivateKeyInfo (RFC 5958), nil when the key is public or locked.
	PKCS8 []byte
	// SSH is the public key as an SSH wire blob for key types that are more than their SPKI,
	// which are those of security keys: only SSH formats hold them, others refuse. For other
	// types it is nil, use SSHPublic.
	SSH []byte
	// SSHPrivate is the private part of such a key, as openssh-key-v1 stores it after the key type.
	SSHPrivate []byte
}

// A Certificate is an X.509 certificate. Raw is always set; X509 is nil, and Err says
// why, when crypto/x509 does not accept it.
type Certificate struct {
	Raw  []byte
	X509 *x509.Certificate
	Err  error
}

// A Secret is a symmetric key.
type Secret struct {
	Algorithm string // "AES", "DESede", "HmacSHA256", an OID; as stored
	Key       []byte // nil when locked or when its encoding is opaque
}

// Protection says how something is encrypted and authenticated, in names that a person
// reads. The zero value is "not protected".
type Protection struct {
	Cipher     string // "AES-256-CBC", "3DES-CBC", "RC2-40-CBC", "chacha20-poly1305@openssh.com"
	KDF        string // "PBKDF2-HMAC-SHA256", "scrypt", "bcrypt", "Argon2id", "PKCS12-SHA1", "MD5 once"
	Iterations int    // rounds of the KDF; scrypt: N; Argon2: passes
	MemoryKiB  int    // scrypt and Argon2
	MAC        string // "HMAC-SHA256", "PBMAC1-HMAC-SHA256", "SHA1 digest"; "" if none
	// Weak lists what a careful reader should mind, one phrase each: "RC2-40 is broken",
	// "1 iteration". Empty when nothing is.
	Weak []string
}

// Protected reports whether any protection is named.
func (p *Protection) Protected() bool { return p.Cipher != "" || p.MAC != "" || p.KDF != "" }

// ParseOptions steers [Parse]. A nil *ParseOptions is the zero value.
type ParseOptions struct {
	// Password returns the password of the container. It is called at most once and only
	// after the input proved to need one; nil means that there is none. The empty password
	// is a password. Parse copies the result and wipes its copy; the slice stays the caller's.
	Password func() ([]byte, error)
	// KeyPassword returns the password of one entry, for formats whose entries can have
	// their own (JKS, JCEKS, BKS, BCFKS, PKCS#12). It is called after the container's
	// password failed for the entry; nil, or ok false, leaves the item Locked.
	KeyPassword func(alias string) (password []byte, ok bool, err error)
	// NoVerify accepts a JKS, JCEKS or BKS store without its password, unauthenticated, to list it.
	NoVerify bool
	// Limits bounds the work that the input can cause; zero fields mean the defaults.
	Limits Limits
}

// Limits bounds what an input can ask for. A zero field means the default named beside
// it. What exceeds one is ErrLimit, before any work is done for it.
type Limits struct {
	Size       int // bytes of input: 64 MiB
	Items      int // entries in a store: 65,536
	Depth      int // nesting of ASN.1 and of containers: 16
	Iterations int // PBKDF1, PBKDF2 and PKCS#12 rounds of one key derivation: 10,000,000
	Memory     int // bytes for scrypt and Argon2: 1 GiB
	Bcrypt     int // bcrypt_pbkdf rounds: 1,024

	// Work bounds all key derivations of one Parse together, repeated ones for other
	// encodings of a password included: 128,000,000, or as much more as the fields above
	// ask for. The unit is a round of PBKDF2 with SHA-256, of which a processor of 2023
	// does some four million in a second. A round with SHA-512 or SHA-3 counts as 8, one
	// of bcrypt_pbkdf as 25,000, a KiB of scrypt as 16, a KiB of a pass of Argon2 as 4. A
	// single derivation may take a quarter of it, about 8 seconds, a file with many
	// entries all of it, about half a minute.
	Work int
}

// MarshalOptions steers [Marshal]. A nil *MarshalOptions is the zero value.
type MarshalOptions struct {
	// Password encrypts the output. nil writes it in clear where the format allows that,
	// else the error is ErrPasswordRequired. The empty password is a password.
	Password []byte
	// KeyPassword is the password of the entries in formats that have one (JKS, JCEKS,
	// BCFKS); nil means Password.
	KeyPassword []byte
	// Profile selects the algorithms; "" is ProfileModern2026.
	Profile Profile
	// AllowLoss drops what the target cannot hold instead of failing with a *LossError.
	AllowLoss bool
	// Variant selects a dialect of the target by a name from [FormatInfo.Variants]; "" is
	// the first one.
	Variant string
	// Iterations sets the work of key derivation in place of the profile's: the rounds of
	// PBKDF1, PBKDF2, PKCS #12 and bcrypt, the passes of Argon2, N of scrypt, which is a
	// power of two. Zero leaves it to the profile. More than the default Limits of reading
	// is ErrLimit; less than 1,000 under ProfileFIPS is ErrUnsupported (NIST SP 800-132).
	// Formats whose derivation has no such number do not use it.
	Iterations int
	// Rand is the source of salts and nonces, crypto/rand if nil. Tests fix it.
	Rand io.Reader
}

// A Profile is a frozen set of output algorithms: the same call makes the same choices
// in every release. New needs get new profiles.
type Profile string

// The profiles.
const (
	ProfileModern2026 Profile = "modern"   // AES-256, PBKDF2-HMAC-SHA256 with 600,000 rounds or Argon2id, HMAC-SHA256
	ProfileOpenSSL3   Profile = "openssl3" // what OpenSSL 3.0 reads without its legacy provider
	ProfileWin2016    Profile = "win2016"  // 3DES and SHA-1 PKCS#12 for Windows Server 2016 and before
	ProfileMacOS      Profile = "macos"    // 3DES and SHA-1 PKCS#12 for Keychain Access
	ProfileJava8      Profile = "java8"    // what Java 8u301 and before read
	ProfileJava17     Profile = "java17"
	ProfileFIPS       Profile = "fips" // only algorithms approved by FIPS 140-3
)
