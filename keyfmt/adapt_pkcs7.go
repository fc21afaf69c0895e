package keyfmt

import (
	"slices"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/pkcs7"
)

// pkcs7Labels are the PEM labels of a ContentInfo (RFC 7468, sections 8 and 9), the first
// one for new files.
var pkcs7Labels = []string{"PKCS7", "CMS", "PKCS #7 SIGNED DATA"}

var pkcs7Rows = []formatRow{{
	FormatInfo: FormatInfo{
		Name: FormatPKCS7, Title: "PKCS #7 certificates (P7B, P7C, SPC)", Extensions: []string{"p7b", "p7c", "spc", "p7s"},
		Read: true, Write: true, Many: true,
		Kinds:    []Kind{KindCertificate, KindCRL},
		Variants: pemOrDER,
		Spec:     "RFC 2315 and RFC 5652",
	},
	labels:  pkcs7Labels,
	sniff:   sniffPKCS7,
	parse:   parsePKCS7,
	marshal: marshalPKCS7,
}}

// parsePKCS7 takes PEM, DER and BER. The certificates come leaf first, each an item.
func parsePKCS7(data []byte, o *parseContext) (*Bundle, error) {
	data, err := o.onlyBlock(data, pkcs7Labels)
	if err != nil {
		return nil, err
	}
	bag, err := pkcs7.Decode(data, o.limits)
	if err != nil {
		return nil, err
	}
	b := new(Bundle)
	for _, cert := range chainOrder(newCertificates(bag.Certificates)) {
		b.Items = append(b.Items, Item{Certs: []*Certificate{cert}})
	}
	for _, crl := range bag.CRLs {
		b.Items = append(b.Items, Item{CRL: crl})
	}
	return b, nil
}

// onlyBlock returns the content of a file that is one PEM block with one of the labels, and
// data as it is if there is no PEM in it.
func (o *parseContext) onlyBlock(data []byte, labels []string) ([]byte, error) {
	if len(pemfile.Labels(data)) == 0 {
		return data, nil
	}
	blocks, err := pemfile.Scan(data, o.limits.Items)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || !slices.Contains(labels, blocks[0].Label) {
		return nil, fault.Malformed("PEM", "not one block %q", labels[0])
	}
	return blocks[0].Bytes, blocks[0].Err
}

// marshalPKCS7 writes the certificates of all items, each once, and the CRLs.
func marshalPKCS7(b *Bundle, o *marshalContext) ([]byte, error) {
	bag := &pkcs7.Bag{}
	written := map[string]bool{}
	for i := range b.Items {
		it := &b.Items[i]
		if it.Key != nil || it.Secret != nil {
			o.lose("the key of %s", it.label(i))
		}
		if it.CRL != nil {
			bag.CRLs = append(bag.CRLs, it.CRL)
		}
		for _, cert := range it.Certs {
			if !written[string(cert.Raw)] {
				written[string(cert.Raw)] = true
				bag.Certificates = append(bag.Certificates, cert.Raw)
			}
		}
	}
	der, err := pkcs7.Encode(bag)
	if err != nil {
		return nil, err
	}
	return o.armor(pkcs7Labels[0], der), nil
}

// sniffPKCS7 looks for SEQUENCE { OID of a content type, [0] ... }.
func sniffPKCS7(head []byte) (Confidence, string) {
	outer := &shape{rest: head}
	if !isContentInfo(outer.enter(tagSequence)) {
		return No, ""
	}
	return Likely, "it is an ASN.1 sequence that begins with a PKCS #7 content type"
}

// contentArc is the DER of the OIDs of PKCS #7 content types without the last arc.
const contentArc = "\x2a\x86\x48\x86\xf7\x0d\x01\x07"

func isContentInfo(in *shape) bool {
	oid := in.enter(tagOID)
	return !oid.bad && len(oid.rest) == len(contentArc)+1 && string(oid.rest[:len(contentArc)]) == contentArc
}
