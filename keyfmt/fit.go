package keyfmt

import (
	"slices"

	"gatehouse/keyfmt/internal/keyder"
)

// fit returns what the format can hold of b and notes the rest as lost.
func (row *formatRow) fit(b *Bundle, o *marshalContext) *Bundle {
	out := &Bundle{Format: row.Name}
	for i := range b.Items {
		if it, ok := row.fitItem(&b.Items[i], i, o); ok {
			out.Items = append(out.Items, it)
		}
	}
	if row.Many || len(out.Items) < 2 {
		return out
	}
	kept := max(0, slices.IndexFunc(out.Items, func(it Item) bool { return it.Kind() == KindKey }))
	for i := range out.Items {
		if i != kept {
			o.lose("%s %s beside another entry", out.Items[i].Kind(), out.Items[i].label(i))
		}
	}
	out.Items = out.Items[kept : kept+1]
	return out
}

func (row *formatRow) holds(k Kind) bool { return slices.Contains(row.Kinds, k) }

// fitItem reduces an item to what the format can hold of it; ok is false if that is nothing.
func (row *formatRow) fitItem(from *Item, i int, o *marshalContext) (it Item, ok bool) {
	it = *from
	if it.Key != nil && it.Key.SSH != nil && !row.wire {
		o.lose("the %s key of %s, which is a plain one without its SSH form", it.Key.Algorithm, it.label(i))
		return it, false
	}
	if it.Locked {
		o.lose("the locked key of %s", it.label(i))
		if it.Secret != nil {
			return it, false
		}
		it.Locked, it.Key = false, nil
		if len(it.Certs) == 0 {
			return it, false
		}
	}
	if it.Request != nil && !row.requests {
		o.lose("the certificate request of %s", it.label(i))
		it.Request = nil
	}
	if it.Key != nil && len(it.Certs) > 0 && !row.holds(KindCertificate) {
		o.lose("the certificates of %s", it.label(i))
		it.Certs = nil
	}
	switch kind := it.Kind(); {
	case row.holds(kind):
		return it, true
	case kind == KindKey:
		o.lose("the private key of %s", it.label(i))
		return row.fitPublic(it)
	case kind == KindPublic && len(it.Certs) > 0 && row.holds(KindCertificate):
		it.Key = nil
		return it, true
	case kind == KindCertificate && row.holds(KindPublic):
		o.lose("the certificate of %s", it.label(i))
		return row.fitPublic(it)
	default:
		o.lose("%s %s", kind, it.label(i))
		return it, false
	}
}

// fitPublic keeps the public key or the certificates of an item.
func (row *formatRow) fitPublic(it Item) (Item, bool) {
	if len(it.Certs) > 0 && row.holds(KindCertificate) {
		it.Key = nil
		return it, true
	}
	if !row.holds(KindPublic) {
		return it, false
	}
	if it.Key == nil {
		k, err := keyder.FromSPKI(leafSPKI(it.Certs))
		if err != nil {
			return it, false
		}
		it.Key = liftKey(k)
	}
	it.Key = &Key{Algorithm: it.Key.Algorithm, SPKI: it.Key.SPKI, SSH: it.Key.SSH}
	it.Certs = nil
	return it, true
}
