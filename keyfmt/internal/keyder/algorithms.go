package keyder

import (
	"bytes"
	"encoding/asn1"
	"fmt"
)

// An algorithm is a row of the table of key types.
type algorithm struct {
	oid asn1.ObjectIdentifier

	// public and private decode a key; the result does not alias the input. What they
	// return names itself.
	public  func(*publicInfo) (named, error)
	private func(*privateInfo) (named, error)
}

// named are Numbers that know the name of their algorithm.
type named interface {
	Numbers
	algorithmName() string
}

func (a *algorithm) name(n named) string { return n.algorithmName() }

// samePublic reports whether other is the public key of own: as bytes or, since a point
// has several encodings, as numbers.
func (a *algorithm) samePublic(own *publicInfo, other []byte) bool {
	if bytes.Equal(own.key, other) {
		return true
	}
	info := *own
	info.key = other
	n, err := a.public(&info)
	if err != nil {
		return false
	}
	k, err := n.Key()
	if err != nil {
		return false
	}
	again, err := parseSPKI(k.SPKI)
	return err == nil && bytes.Equal(own.key, again.key)
}

var (
	oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidDSA = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}
	oidEC  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// algorithms are the key types whose numbers are understood. All others are carried.
var algorithms = func() []*algorithm {
	rows := []*algorithm{
		{oidRSA, publicRSA, privateRSA},
		{oidPSS, publicRSA, privateRSA},
		{oidDSA, publicDSA, privateDSA},
		{oidEC, publicEC, privateEC},
	}
	for _, c := range okps {
		rows = append(rows, c.row())
	}
	for _, p := range mldsas {
		rows = append(rows, p.row())
	}
	return rows
}()

func algorithmByOID(oid asn1.ObjectIdentifier) *algorithm {
	for _, a := range algorithms {
		if a.oid.Equal(oid) {
			return a
		}
	}
	return nil
}

func sized(name string, bits int) string { return fmt.Sprintf("%s-%d", name, bits) }
