// Package pkcs12 reads and writes PFX files (RFC 7292), the PKCS #12 of the world.
//
// A file is a list of bags: keys, certificates, CRLs and secrets, with the attributes that
// name and pair them. [Decode] takes what programs have written, BER included, and
// parses no certificate and no key; [Encode] writes DER. Which bags belong together is for
// the caller to say.
//
// Passwords are UTF-8. Reading tries the encodings that programs have used for them.
package pkcs12
