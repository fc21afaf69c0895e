package xmlkey

import (
	"encoding/asn1"
	"math/big"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
)

// readers are the elements that hold a key or certificates, by local name.
var readers = map[string]func(*Item, *value) error{
	"RSAKeyValue":        readRSA,
	"DSAKeyValue":        readDSA,
	"ECKeyValue":         readEC,
	"ECDSAKeyValue":      readEC4050,
	"DEREncodedKeyValue": readDER,
	"PrivateKey":         readExtension,
	"X509Data":           readX509,
	"HMACKeyValue":       readSecret("HMAC"),
	"AESKeyValue":        readSecret("AES"),
	"DESKeyValue":        readSecret("DES"),
}

// valueFields are the children by which a root of unknown name is a key value.
var valueFields = map[string]bool{
	"Modulus": true, "Exponent": true, "D": true, "P": true, "Q": true, "DP": true, "DQ": true, "InverseQ": true,
	"G": true, "Y": true, "J": true, "X": true, "Seed": true, "PgenCounter": true,
}

// A number names a CryptoBinary and where it goes.
type number struct {
	path string
	to   **big.Int
}

// numbers reads CryptoBinary values, with or without leading zeros. The first want of them must be there.
func (v *value) numbers(want int, list ...number) error {
	for i, n := range list {
		raw, err := v.octets(n.path)
		switch {
		case err != nil:
			return err
		case raw == nil && i < want:
			return fault.Malformed(n.path, "missing")
		case len(raw) > keyder.MaxRSABits/8+1:
			return fault.New(fault.ErrLimit, n.path, "%d bytes", len(raw))
		case raw != nil:
			*n.to = new(big.Int).SetBytes(raw)
		}
	}
	return nil
}

// setKey encodes the numbers of a key.
func (it *Item) setKey(n keyder.Numbers) (err error) {
	it.Key, err = n.Key()
	return err
}

// readRSA is XMLDSIG, section 4.5.2.2, with the private values of .NET, which come all or
// not at all, or the PrivateExponent of xmlsec.
func readRSA(it *Item, v *value) error {
	k := new(keyder.RSA)
	if err := v.numbers(2, number{"Modulus", &k.N}, number{"Exponent", &k.E}); err != nil {
		return err
	}
	if _, ok := v.text["PrivateExponent"]; ok {
		if err := v.numbers(1, number{"PrivateExponent", &k.D}); err != nil {
			return err
		}
		return it.setKey(k)
	}
	if _, ok := v.text["D"]; ok {
		err := v.numbers(6, number{"D", &k.D}, number{"P", &k.P}, number{"Q", &k.Q}, number{"DP", &k.DP},
			number{"DQ", &k.DQ}, number{"InverseQ", &k.QInv})
		if err != nil {
			return err
		}
	}
	return it.setKey(k)
}

// readDSA is XMLDSIG, section 4.5.2.1, with the private value of .NET and xmlsec. J, which
// follows from P and Q, is ignored.
func readDSA(it *Item, v *value) error {
	k := new(keyder.DSA)
	err := v.numbers(4, number{"P", &k.P}, number{"Q", &k.Q}, number{"G", &k.G}, number{"Y", &k.Y}, number{"X", &k.X})
	if err != nil {
		return err
	}
	_, seed := v.text["Seed"]
	if _, counter := v.text["PgenCounter"]; seed != counter {
		return fault.Malformed("Seed and PgenCounter", "one without the other")
	}
	return it.setKey(k)
}

// readEC is XMLDSIG 1.1, section 4.5.2.3.
func readEC(it *Item, v *value) error {
	curve, err := curveOf(v, "NamedCurve@URI")
	if err != nil {
		return err
	}
	point, err := v.octets("PublicKey")
	if err == nil && point == nil {
		err = fault.Malformed("PublicKey", "missing")
	}
	if err != nil {
		return err
	}
	return it.setKey(&keyder.EC{Curve: curve, Point: point})
}

// readEC4050 is RFC 4050, section 3.3, with decimal coordinates.
func readEC4050(it *Item, v *value) error {
	curve, err := curveOf(v, "DomainParameters/NamedCurve@URN")
	if err != nil {
		return err
	}
	point := []byte{4}
	for _, name := range []string{"X", "Y"} {
		text := v.attrs["PublicKey/"+name+"@Value"]
		n, ok := new(big.Int), len(text) <= 200 // digits of 521 bits and more
		if ok {
			n, ok = n.SetString(text, 10)
		}
		if !ok || n.Sign() < 0 || n.BitLen() > 8*curve.Size() {
			return fault.Malformed("PublicKey", "coordinate %s is no number of the curve", name)
		}
		point = append(point, n.FillBytes(make([]byte, curve.Size()))...)
	}
	return it.setKey(&keyder.EC{Curve: curve, Point: point})
}

const urnOID = "urn:oid:"

func curveOf(v *value, attr string) (*keyder.Curve, error) {
	name, ok := v.attrs[attr]
	if !ok {
		return nil, fault.Unsupported(v.name, "a curve without name")
	}
	if len(name) > len(urnOID) && strings.EqualFold(name[:len(urnOID)], urnOID) {
		if c := keyder.CurveByOID(name[len(urnOID):]); c != nil {
			return c, nil
		}
	}
	return nil, fault.Unsupported(v.name, "curve %.64q", name)
}

// readDER is XMLDSIG 1.1, section 4.5.10.
func readDER(it *Item, v *value) error {
	der, err := v.octets("")
	if err != nil {
		return err
	}
	it.Key, err = keyder.FromSPKI(der)
	return err
}

// readExtension is the element that writeExtension writes.
func readExtension(it *Item, v *value) error {
	der, err := v.octets("")
	if err != nil {
		return err
	}
	it.Key, err = keyder.FromPKCS8(der)
	return err
}

// readX509 is XMLDSIG, section 4.5.4. What only refers to a certificate is no certificate.
func readX509(it *Item, v *value) error {
	for _, list := range []struct {
		path string
		to   *[][]byte
	}{{"X509Certificate", &it.Certificates}, {"X509CRL", &it.CRLs}} {
		for _, text := range v.lists[list.path] {
			der, err := decodeBase64(list.path, text)
			if err != nil {
				return err
			}
			var whole asn1.RawValue
			if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 || whole.Tag != asn1.TagSequence {
				return fault.Malformed(list.path, "not one DER sequence")
			}
			*list.to = append(*list.to, der)
		}
	}
	return nil
}

func readSecret(algorithm string) func(*Item, *value) error {
	return func(it *Item, v *value) error {
		key, err := v.octets("")
		it.Secret = &Secret{algorithm, key}
		return err
	}
}
