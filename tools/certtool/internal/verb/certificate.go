package verb

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"time"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/outfile"
	"gatehouse/keyfmt"
)

// A certificateMaker makes self-signed certificates and requests. It has the flags for them.
type certificateMaker struct {
	selfSigned bool
	csr        string
	subject    string
	san        string
	days       int
	ca         bool

	name pkix.Name
}

func (m *certificateMaker) flags(fs *flag.FlagSet) {
	fs.BoolVar(&m.selfSigned, "self-signed", false, "add a certificate that the key signs itself")
	fs.StringVar(&m.csr, "csr", "", "write a certificate request to this `file`")
	fs.StringVar(&m.subject, "subject", "", "`name` in certificate and request: CN=gate.example, O=\"Ports, Locks\"")
	fs.StringVar(&m.san, "san", "", "other `names`, separated by commas: hosts, IP addresses, mail addresses, URIs")
	fs.IntVar(&m.days, "days", 365, "certificate is valid for this `number` of days")
	fs.BoolVar(&m.ca, "ca", false, "certificate is that of a certificate authority")
}

func (m *certificateMaker) check() error {
	if !m.selfSigned && m.csr == "" {
		return nil
	}
	var err error
	m.name, err = parseSubject(m.subject)
	switch {
	case err != nil:
		return command.Usagef("--subject: %v", err)
	case m.subject == "" && m.san == "":
		return command.UsageError("a certificate needs --subject or --san")
	case m.days < 1:
		return command.UsageError("--days: a number of 1 or more expected")
	}
	return nil
}

// nameTypes are the attributes of a subject that --subject takes.
var nameTypes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "L": {2, 5, 4, 7}, "C": {2, 5, 4, 6},
	"S": {2, 5, 4, 8}, "ST": {2, 5, 4, 8}, "STREET": {2, 5, 4, 9}, "SERIALNUMBER": {2, 5, 4, 5},
	"E": {1, 2, 840, 113549, 1, 9, 1}, "EMAILADDRESS": {1, 2, 840, 113549, 1, 9, 1},
	"DC": {0, 9, 2342, 19200300, 100, 1, 25}, "UID": {0, 9, 2342, 19200300, 100, 1, 1},
}

// parseSubject reads a list of fields as certstore writes and searches it. The list begins
// with what a certificate has last (RFC 4514, section 2.1).
func parseSubject(text string) (pkix.Name, error) {
	var name pkix.Name
	fields, err := splitFields(text)
	if err != nil {
		return name, err
	}
	for i := len(fields) - 1; i >= 0; i-- {
		key, value, found := strings.Cut(fields[i], "=")
		oid := nameTypes[strings.ToUpper(strings.TrimSpace(key))]
		value = strings.TrimSpace(value)
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = strings.ReplaceAll(value[1:len(value)-1], `""`, `"`)
		}
		if !found || oid == nil || value == "" {
			return name, fmt.Errorf("%q is no field such as CN=gate.example", fields[i])
		}
		name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: oid, Value: value})
	}
	return name, nil
}

// splitFields splits at the commas that are not quoted.
func splitFields(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var fields []string
	start, quoted := 0, false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			fields = append(fields, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	return append(fields, strings.TrimSpace(text[start:])), nil
}

// names sorts the alternative names by their kind.
func (m *certificateMaker) names() (hosts, mails []string, ips []net.IP, uris []*url.URL) {
	for _, word := range strings.Split(m.san, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if ip := net.ParseIP(word); ip != nil {
			ips = append(ips, ip)
		} else if u, err := url.Parse(word); err == nil && u.Scheme != "" && u.Host != "" {
			uris = append(uris, u)
		} else if strings.Contains(word, "@") {
			mails = append(mails, word)
		} else {
			hosts = append(hosts, word)
		}
	}
	return hosts, mails, ips, uris
}

// clockSkew is how long before now a certificate is valid, for readers whose clock is late.
const clockSkew = 5 * time.Minute

// serialBits is the size of a serial number: at most 20 octets (RFC 5280, section 4.1.2.2),
// with one bit to spare for the sign.
const serialBits = 159

func (m *certificateMaker) certificate(key *keyfmt.Key) (*keyfmt.Certificate, error) {
	signer, err := x509Signer(key)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial, Subject: m.name, IsCA: m.ca, BasicConstraintsValid: true,
		NotBefore: now.Add(-clockSkew), NotAfter: now.AddDate(0, 0, m.days),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if m.ca {
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	} else {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	t.DNSNames, t.EmailAddresses, t.IPAddresses, t.URIs = m.names()
	der, err := x509.CreateCertificate(rand.Reader, t, t, signer.Public(), signer)
	if err != nil {
		return nil, err
	}
	return keyfmt.NewCertificate(der), nil
}

// x509Signer returns the key as crypto/x509 signs with it.
func x509Signer(key *keyfmt.Key) (crypto.Signer, error) {
	signer, err := key.Signer()
	if err != nil {
		return nil, err
	}
	if _, err := x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
		return nil, fmt.Errorf("algorithm %s: %w", key.Algorithm, keyfmt.ErrUnsupported)
	}
	return signer, nil
}

// requestFor returns the request as PEM, nil if none is wanted.
func (m *certificateMaker) requestFor(key *keyfmt.Key) ([]byte, error) {
	if m.csr == "" {
		return nil, nil
	}
	signer, err := x509Signer(key)
	if err != nil {
		return nil, err
	}
	t := &x509.CertificateRequest{Subject: m.name}
	t.DNSNames, t.EmailAddresses, t.IPAddresses, t.URIs = m.names()
	der, err := x509.CreateCertificateRequest(rand.Reader, t, signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

func (m *certificateMaker) writeRequest(c *console.Console, request []byte, force bool) error {
	switch m.csr {
	case "":
		return nil
	case stdio:
		_, err := c.Stdout.Write(request)
		return err
	}
	return outfile.Write(m.csr, request, outfile.Public, force)
}
