package keyder

import (
	"encoding/asn1"
	"strconv"
	"strings"
)

// parseOID reads the dotted form of an identifier that a table of this package holds.
func parseOID(dotted string) asn1.ObjectIdentifier {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(dotted, ".") {
		arc, err := strconv.Atoi(part)
		if err != nil {
			panic("keyder: internal error: not an object identifier")
		}
		oid = append(oid, arc)
	}
	return oid
}
