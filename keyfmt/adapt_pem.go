package keyfmt

import (
	"bytes"
	"errors"
	"fmt"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/pbes"
	"gatehouse/keyfmt/pemfile"
)

// describePBES lifts what package pbes says of an AlgorithmIdentifier.
func describePBES(algorithm []byte) (Protection, error) {
	p, err := pbes.Describe(algorithm)
	return Protection(p), err
}

// parsePEM reads all blocks of a file. A block that is malformed or unknown is passed
// over if another one yields something; [Bundle.Skipped] has its error. Keys get the
// certificates that are theirs.
func parsePEM(data []byte, o *parseContext) (*Bundle, error) {
	blocks, err := pemfile.Scan(data, o.limits.Items)
	if err != nil {
		return nil, err
	}
	b := new(Bundle)
	read := 0
	for _, blk := range blocks {
		if ignoredLabels[blk.Label] {
			continue
		}
		items, err := o.block(blk)
		switch {
		case err == nil:
			read++
			b.Items = append(b.Items, items...)
		case passedOver(err):
			b.Skipped = append(b.Skipped, o.fail(fault.At(err, "PEM block "+blk.Label, blk.Offset)))
		default:
			return nil, fault.At(err, "PEM block "+blk.Label, blk.Offset)
		}
	}
	if read == 0 {
		if len(b.Skipped) > 0 {
			return nil, b.Skipped[0]
		}
		return nil, fault.Malformed("PEM", "there is no block with a key or a certificate")
	}
	if len(b.Items) == 1 && b.Protection.Cipher == "" {
		b.Protection, b.Items[0].Protection = b.Items[0].Protection, Protection{}
	}
	b.Items = pairUp(b.Items)
	return b, nil
}

// passedOver reports whether the blocks after a failed one may still be of use. Passwords
// and limits concern the whole input.
func passedOver(err error) bool {
	if errors.Is(err, ErrLimit) {
		return false
	}
	return errors.Is(err, ErrMalformed) || errors.Is(err, ErrUnsupported)
}

// block decodes one block.
func (o *parseContext) block(blk *pemfile.Block) ([]Item, error) {
	if blk.Err != nil {
		return nil, blk.Err
	}
	if obj := objectByLabel(blk.Label); obj != nil {
		it, err := o.objectBlock(obj, blk)
		return []Item{it}, err
	}
	row, _ := o.table.labelled(blk.Label)
	if row == nil {
		return nil, fault.Unsupported("PEM block "+blk.Label, "unknown label")
	}
	b, err := o.nested(row.Name, blk.Bytes)
	if err != nil {
		return nil, err
	}
	for i := range b.Items {
		if b.Protection.Protected() && !b.Items[i].Protection.Protected() {
			b.Items[i].Protection = b.Protection
		}
	}
	return b.Items, nil
}

func (o *parseContext) objectBlock(obj *object, blk *pemfile.Block) (Item, error) {
	if !blk.Encrypted() {
		return obj.read(blk.Bytes, o)
	}
	password, err := o.password()
	if err != nil {
		return Item{}, err
	}
	plain, err := blk.Decrypt(password)
	if err != nil {
		return Item{}, err
	}
	defer clear(plain)
	outer := &shape{rest: plain}
	if !obj.shape(outer.enter(tagSequence)) {
		return Item{}, fault.Password("PEM block " + blk.Label)
	}
	it, err := obj.read(plain, o)
	if err != nil {
		return it, err
	}
	p := blk.Protection()
	it.Protection = Protection{Cipher: p.Cipher, KDF: p.KDF, Iterations: 1, Weak: p.Weak}
	return it, nil
}

// pairUp gives each private key the first certificate of its public key, and that one's
// issuers as far as they are there; other items stay as they are. A public key beside its
// private one adds nothing and goes.
func pairUp(items []Item) []Item {
	pool := newCertIndex()
	private := map[string]bool{}
	for i := range items {
		if it := &items[i]; it.Key == nil && len(it.Certs) == 1 {
			pool.add(it.Certs[0])
		} else if it.Kind() == KindKey && it.Key.SPKI != nil {
			private[string(it.Key.SPKI)] = true
		}
	}
	used := map[*Certificate]bool{}
	for i := range items {
		it := &items[i]
		if it.Kind() != KindKey || len(it.Certs) > 0 || it.Key.SPKI == nil {
			continue
		}
		it.Certs = pool.at(pool.chain(lookup(pool.bySPKI, it.Key.SPKI)))
		for _, c := range it.Certs {
			used[c] = true
		}
	}
	out := items[:0]
	for _, it := range items {
		paired := it.Key == nil && len(it.Certs) == 1 && used[it.Certs[0]]
		repeated := it.Kind() == KindPublic && it.Request == nil && private[string(it.Key.SPKI)]
		if !paired && !repeated {
			out = append(out, it)
		}
	}
	return out
}

// The dialects of formats that are ASN.1 structures.
const (
	dialectPEM = "pem"
	dialectDER = "der"
)

// armor returns der as it is or as a PEM block, by the variant.
func (o *marshalContext) armor(label string, der []byte) []byte {
	if o.variant == dialectDER {
		return der
	}
	return pemfile.Encode(label, nil, der)
}

// marshalPEM writes each item as blocks: the key, then its certificates.
func marshalPEM(b *Bundle, o *marshalContext) ([]byte, error) {
	var out bytes.Buffer
	for i := range b.Items {
		if err := o.pemItem(&out, &b.Items[i], i); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func (o *marshalContext) pemItem(out *bytes.Buffer, it *Item, i int) error {
	put := func(f Format, n int, der []byte) {
		out.Write(pemfile.Encode(labelOf(f, n), nil, der))
	}
	switch {
	case it.Request != nil:
		put(FormatCSR, 0, it.Request)
		return nil
	case it.CRL != nil:
		put(FormatCRL, 0, it.CRL)
		return nil
	case it.Key != nil && it.Key.PKCS8 != nil:
		block, err := marshalPKCS8(&Bundle{Items: []Item{*it}}, o)
		if err != nil {
			return err
		}
		out.Write(block)
	case it.Key != nil && it.Key.SPKI != nil && len(it.Certs) == 0:
		put(FormatSPKI, 0, it.Key.SPKI)
	case it.Key != nil && it.Key.SPKI == nil:
		return fault.Unsupported(fmt.Sprintf("entry %d", i+1), "PEM of a %s key", it.Key.Algorithm)
	}
	for _, c := range it.Certs {
		put(FormatX509, 0, c.Raw)
	}
	return nil
}

// labelOf returns the PEM label that new files have for the nth object of a format.
func labelOf(f Format, n int) string {
	for _, obj := range objects {
		if obj.format == f {
			if n == 0 {
				return obj.labels[0]
			}
			n--
		}
	}
	panic("keyfmt: internal error: no PEM label for " + string(f))
}
