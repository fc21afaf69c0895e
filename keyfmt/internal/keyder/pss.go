package keyder

import (
	"bytes"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// pssParameters returns RSASSA-PSS-params (RFC 4055, section 3.1) in the one form that
// RFC 4055 tells writers to use, so that a key has the same bytes whoever wrote it: hash
// functions have NULL for parameters, and the trailer, of which there is but one, is left
// out. Parameters of another structure stay as they are.
func pssParameters(params []byte) []byte {
	in := cryptobyte.String(params)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !in.Empty() {
		return bytes.Clone(params)
	}
	ok := true
	out := build(func(b *cryptobyte.Builder) {
		ok = copyPSSField(b, &seq, 0, copyHash) && copyPSSField(b, &seq, 1, copyMGF) &&
			copyPSSField(b, &seq, 2, copyRest)
	})
	trailer := []byte{0xa3, 3, 2, 1, 1}
	if !ok || len(seq) > 0 && !bytes.Equal(seq, trailer) {
		return bytes.Clone(params)
	}
	return out
}

// copyPSSField copies the field with that tag, if it is there.
func copyPSSField(b *cryptobyte.Builder, in *cryptobyte.String, n uint8, content func(*cryptobyte.Builder, *cryptobyte.String) bool) bool {
	tag := cryptobyte_asn1.Tag(n).ContextSpecific().Constructed()
	var field cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&field, &present, tag) {
		return false
	}
	ok := true
	if present {
		b.AddASN1(tag, func(b *cryptobyte.Builder) { ok = content(b, &field) && field.Empty() })
	}
	return ok
}

func copyRest(b *cryptobyte.Builder, in *cryptobyte.String) bool {
	var rest []byte
	ok := in.ReadBytes(&rest, len(*in))
	b.AddBytes(rest)
	return ok
}

func copyHash(b *cryptobyte.Builder, in *cryptobyte.String) bool {
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && seq.ReadASN1ObjectIdentifier(&oid) &&
		(seq.Empty() || bytes.Equal(seq, derNull))
	if ok {
		b.AddBytes(algorithmDER(oid, derNull))
	}
	return ok
}

// copyMGF copies the mask generation function, whose parameter is a hash function.
func copyMGF(b *cryptobyte.Builder, in *cryptobyte.String) bool {
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return false
	}
	hash := cryptobyte.NewBuilder(nil)
	ok := copyHash(hash, &seq) && seq.Empty()
	b.AddBytes(algorithmDER(oid, hash.BytesOrPanic()))
	return ok
}
