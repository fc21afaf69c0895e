package certstore

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"gatehouse/keyfmt"
)

// What golang.org/x/sys/windows does not have of crypt32, advapi32 and ncrypt.
var (
	crypt32  = windows.NewLazySystemDLL("crypt32.dll")
	advapi32 = windows.NewLazySystemDLL("advapi32.dll")
	ncrypt   = windows.NewLazySystemDLL("ncrypt.dll")

	procGetProperty   = crypt32.NewProc("CertGetCertificateContextProperty")
	procSetProperty   = crypt32.NewProc("CertSetCertificateContextProperty")
	procControlStore  = crypt32.NewProc("CertControlStore")
	procCreateHash    = advapi32.NewProc("CryptCreateHash")
	procSetHashParam  = advapi32.NewProc("CryptSetHashParam")
	procSignHash      = advapi32.NewProc("CryptSignHashW")
	procGetUserKey    = advapi32.NewProc("CryptGetUserKey")
	procDestroyKey    = advapi32.NewProc("CryptDestroyKey")
	procDestroyHash   = advapi32.NewProc("CryptDestroyHash")
	procNCryptSign    = ncrypt.NewProc("NCryptSignHash")
	procNCryptRelease = ncrypt.NewProc("NCryptFreeObject")
)

// Numbers of wincrypt.h, bcrypt.h and ncrypt.h.
const (
	certKeyProvInfo  = 2
	certFriendlyName = 11
	hashValue        = 2 // HP_HASHVAL
	padPKCS1         = 2 // BCRYPT_PAD_PKCS1
	padPSS           = 8 // BCRYPT_PAD_PSS
)

// winHashes are the names of the hashes in CNG and their numbers in CryptoAPI.
var winHashes = map[crypto.Hash]struct {
	name string
	alg  uintptr
}{
	crypto.SHA1:   {"SHA1", 0x8004},
	crypto.SHA256: {"SHA256", 0x800c},
	crypto.SHA384: {"SHA384", 0x800d},
	crypto.SHA512: {"SHA512", 0x800e},
}

// property returns a property of a certificate, nil if it has none.
func property(c *windows.CertContext, id uintptr) []byte {
	var n uint32
	ok, _, _ := procGetProperty.Call(uintptr(unsafe.Pointer(c)), id, 0, uintptr(unsafe.Pointer(&n)))
	if ok == 0 || n == 0 {
		return nil
	}
	raw := make([]byte, n)
	ok, _, _ = procGetProperty.Call(uintptr(unsafe.Pointer(c)), id, uintptr(unsafe.Pointer(&raw[0])), uintptr(unsafe.Pointer(&n)))
	if ok == 0 {
		return nil
	}
	return raw[:n]
}

func setFriendlyName(c *windows.CertContext, name string) error {
	units, err := windows.UTF16FromString(name)
	if err != nil {
		return err
	}
	blob := &windows.CryptDataBlob{Size: uint32(2 * len(units)), Data: (*byte)(unsafe.Pointer(&units[0]))}
	ok, _, err := procSetProperty.Call(uintptr(unsafe.Pointer(c)), certFriendlyName, 0, uintptr(unsafe.Pointer(blob)))
	if ok == 0 {
		return err
	}
	return nil
}

// A winSigner is a private key of Windows. The handle is released when the signer is
// collected.
type winSigner struct {
	public crypto.PublicKey
	key    winKey
}

// A winKey is a key of CNG, or of CryptoAPI with a key specification.
type winKey struct {
	handle windows.Handle
	spec   uint32
}

func (k winKey) cng() bool { return k.spec == windows.CERT_NCRYPT_KEY_SPEC }

func (k winKey) release() {
	if k.cng() {
		procNCryptRelease.Call(uintptr(k.handle))
		return
	}
	windows.CryptReleaseContext(k.handle, 0)
}

// openKey finds a certificate again and opens its key. Windows asks the user nothing: a
// key that wants a confirmation fails.
func (s *winStore) openKey(ctx context.Context, der []byte, public crypto.PublicKey) (crypto.Signer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var signer *winSigner
	err := s.with(windows.CERT_STORE_OPEN_EXISTING_FLAG|windows.CERT_STORE_READONLY_FLAG, func(h windows.Handle) error {
		err := error(ErrNotFound)
		each(h, func(c *windows.CertContext) bool {
			if !bytes.Equal(contextDER(c), der) {
				return true
			}
			signer, err = acquire(c, public)
			return false
		})
		return err
	})
	if err != nil {
		return nil, storeError("open key", s.typ, s.name, err)
	}
	return signer, nil
}

func acquire(c *windows.CertContext, public crypto.PublicKey) (*winSigner, error) {
	var key winKey
	var owned bool
	flags := uint32(windows.CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG | windows.CRYPT_ACQUIRE_SILENT_FLAG)
	err := windows.CryptAcquireCertificatePrivateKey(c, flags, nil, &key.handle, &key.spec, &owned)
	if err != nil {
		return nil, err
	}
	if aes, ok := withSHA2(c); ok && !key.cng() {
		if owned {
			key.release()
		}
		key.handle, owned = aes, true
	}
	key.spec = key.found()
	s := &winSigner{public: public, key: key}
	if owned {
		runtime.AddCleanup(s, winKey.release, key)
	}
	return s, nil
}

// found returns the key specification under which CryptoAPI has the key: what the certificate
// says need not be one, as in stores that wine writes.
func (k winKey) found() uint32 {
	if k.cng() {
		return k.spec
	}
	const exchange, signature = 1, 2 // AT_KEYEXCHANGE, AT_SIGNATURE
	for _, spec := range []uint32{k.spec, exchange, signature} {
		var key windows.Handle
		if ok, _, _ := procGetUserKey.Call(uintptr(k.handle), uintptr(spec), uintptr(unsafe.Pointer(&key))); ok != 0 {
			procDestroyKey.Call(uintptr(key))
			return spec
		}
	}
	return k.spec
}

// The software providers of Windows share their keys. Those of before SHA-2 are what a PFX
// names; the last one signs with it.
const (
	provRSAFull = 1
	provRSAAES  = 24
	provAESName = "Microsoft Enhanced RSA and AES Cryptographic Provider"
)

var softwareProviders = []string{"Microsoft Base Cryptographic Provider", "Microsoft Strong Cryptographic Provider", "Microsoft Enhanced Cryptographic Provider"}

// A keyProvInfo is CRYPT_KEY_PROV_INFO: where the key of a certificate is.
type keyProvInfo struct {
	container, provider *uint16
	kind, flags         uint32
	params              uint32
	param               uintptr
	spec                uint32
}

// withSHA2 opens the key of a certificate in the provider that knows SHA-2, if it is in one
// of Windows that does not; ok is false if it is elsewhere.
func withSHA2(c *windows.CertContext) (h windows.Handle, ok bool) {
	raw := property(c, certKeyProvInfo)
	if len(raw) < int(unsafe.Sizeof(keyProvInfo{})) {
		return 0, false
	}
	info := (*keyProvInfo)(unsafe.Pointer(&raw[0]))
	name := windows.UTF16PtrToString(info.provider)
	known := name == "" || slices.ContainsFunc(softwareProviders, func(p string) bool { return strings.HasPrefix(name, p) })
	if info.kind != provRSAFull || !known {
		return 0, false
	}
	provider, err := windows.UTF16PtrFromString(provAESName)
	if err != nil {
		return 0, false
	}
	flags := info.flags&windows.CRYPT_MACHINE_KEYSET | windows.CRYPT_SILENT
	err = windows.CryptAcquireContext(&h, info.container, provider, provRSAAES, flags)
	runtime.KeepAlive(raw)
	return h, err == nil
}

// Public implements crypto.Signer.
func (s *winSigner) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer. Windows has its own source of randomness.
func (s *winSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	defer runtime.KeepAlive(s)
	sig, err := s.sign(digest, opts)
	if err != nil {
		return nil, fmt.Errorf("certstore: sign: %w", err)
	}
	return sig, nil
}

func (s *winSigner) sign(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 && len(digest) != opts.HashFunc().Size() {
		return nil, errors.New("digest of the wrong length")
	}
	switch {
	case len(digest) == 0:
		return nil, fmt.Errorf("a signature without digest: %w", keyfmt.ErrUnsupported)
	case s.key.cng():
		return s.signCNG(digest, opts)
	}
	return s.signCryptoAPI(digest, opts)
}

// signCryptoAPI makes a PKCS #1 v1.5 signature. It comes in little-endian order.
func (s *winSigner) signCryptoAPI(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash, ok := winHashes[opts.HashFunc()]
	if _, isRSA := s.public.(*rsa.PublicKey); !isRSA || !ok {
		return nil, fmt.Errorf("CryptoAPI with %T and %v: %w", s.public, opts.HashFunc(), keyfmt.ErrUnsupported)
	}
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, fmt.Errorf("CryptoAPI with PSS: %w", keyfmt.ErrUnsupported)
	}
	var h windows.Handle
	if ok, _, err := procCreateHash.Call(uintptr(s.key.handle), hash.alg, 0, 0, uintptr(unsafe.Pointer(&h))); ok == 0 {
		return nil, err
	}
	defer procDestroyHash.Call(uintptr(h))
	if ok, _, err := procSetHashParam.Call(uintptr(h), hashValue, uintptr(unsafe.Pointer(&digest[0])), 0); ok == 0 {
		return nil, err
	}
	var n uint32
	if ok, _, err := procSignHash.Call(uintptr(h), uintptr(s.key.spec), 0, 0, 0, uintptr(unsafe.Pointer(&n))); ok == 0 {
		return nil, err
	}
	sig := make([]byte, max(n, 1))
	ok2, _, err := procSignHash.Call(uintptr(h), uintptr(s.key.spec), 0, 0, uintptr(unsafe.Pointer(&sig[0])), uintptr(unsafe.Pointer(&n)))
	if ok2 == 0 {
		return nil, err
	}
	sig = sig[:n]
	slices.Reverse(sig)
	return sig, nil
}

// signCNG makes an RSA signature of either kind, or an ECDSA one, which comes as r and s.
func (s *winSigner) signCNG(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	padding, flags, err := s.padding(opts)
	if err != nil {
		return nil, err
	}
	var n uint32
	call := func(out []byte) error {
		status, _, _ := procNCryptSign.Call(uintptr(s.key.handle), uintptr(padding), uintptr(unsafe.Pointer(&digest[0])),
			uintptr(len(digest)), uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)),
			uintptr(unsafe.Pointer(&n)), flags)
		if status != 0 {
			return windows.Errno(status)
		}
		return nil
	}
	if err := call(nil); err != nil {
		return nil, err
	}
	sig := make([]byte, n)
	if err := call(sig); err != nil {
		return nil, err
	}
	sig = sig[:n]
	if _, isEC := s.public.(*ecdsa.PublicKey); !isEC {
		return sig, nil
	}
	half := len(sig) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]),
	})
}

// padding returns the BCRYPT padding structure of an RSA signature; ECDSA has none.
func (s *winSigner) padding(opts crypto.SignerOpts) (unsafe.Pointer, uintptr, error) {
	if _, isEC := s.public.(*ecdsa.PublicKey); isEC {
		return nil, 0, nil
	}
	hash, ok := winHashes[opts.HashFunc()]
	if !ok {
		return nil, 0, fmt.Errorf("CNG with %T and %v: %w", s.public, opts.HashFunc(), keyfmt.ErrUnsupported)
	}
	name, err := windows.UTF16PtrFromString(hash.name)
	if err != nil {
		return nil, 0, err
	}
	pss, ok := opts.(*rsa.PSSOptions)
	if !ok {
		return unsafe.Pointer(&struct{ alg *uint16 }{name}), padPKCS1, nil
	}
	salt := pss.SaltLength
	if salt == rsa.PSSSaltLengthAuto || salt == rsa.PSSSaltLengthEqualsHash {
		salt = opts.HashFunc().Size()
	}
	return unsafe.Pointer(&struct {
		alg  *uint16
		salt uint32
	}{name, uint32(salt)}), padPSS, nil
}
