package keyder

import (
	"crypto/ed25519"
	"math/big"

	"github.com/cloudflare/circl/sign/ed448"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/sshwire"
)

// An sshType is a row of the public key formats of SSH. read takes what follows the
// name; write appends it.
type sshType struct {
	name  string
	read  func(*sshwire.Reader) Numbers
	write func([]byte, Numbers) []byte
}

// sshTypes are RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709, section 4.
var sshTypes = []sshType{
	{"ssh-rsa", readSSHRSA, writeSSHRSA},
	{"ssh-dss", readSSHDSA, writeSSHDSA},
	sshECDSA("nistp256", "P-256"),
	sshECDSA("nistp384", "P-384"),
	sshECDSA("nistp521", "P-521"),
	sshOKP("ssh-ed25519", "Ed25519", ed25519.PublicKeySize),
	sshOKP("ssh-ed448", "Ed448", ed448.PublicKeySize),
}

// FromSSH makes a public Key of an SSH wire blob (RFC 4253, section 6.6). A key type that
// has no SubjectPublicKeyInfo is ErrUnsupported.
func FromSSH(blob []byte) (*Key, error) {
	r := sshwire.NewReader(blob)
	name := r.Text()
	if r.Err() != nil {
		return nil, fault.Malformed("SSH public key", "%v", r.Err())
	}
	for _, t := range sshTypes {
		if t.name != name {
			continue
		}
		n := t.read(r)
		if err := r.Done(); err != nil {
			return nil, fault.Malformed("SSH public key", "%v", err)
		}
		if n == nil {
			return nil, fault.Malformed("SSH public key", "the curve is not that of %s", name)
		}
		return n.Key()
	}
	return nil, fault.Unsupported("SSH public key", "type %q", name)
}

// SSH returns the SSH wire blob of a SubjectPublicKeyInfo. What has none is ErrUnsupported.
func SSH(spki []byte) ([]byte, error) {
	n, err := Decode(&Key{SPKI: spki})
	if err != nil {
		return nil, err
	}
	name := SSHType(n)
	for _, t := range sshTypes {
		if t.name == name {
			return t.write(sshwire.AppendString(nil, name), n), nil
		}
	}
	return nil, fault.Unsupported("SSH public key", "algorithm %s", AlgorithmName(spki))
}

// SSHType returns the SSH name of the type of a key, "" if it has none.
func SSHType(n Numbers) string {
	switch k := n.(type) {
	case *RSA:
		return "ssh-rsa"
	case *DSA:
		if k.P != nil {
			return "ssh-dss"
		}
	case *EC:
		if k.Curve != nil && k.Curve.sshName() != "" {
			return "ecdsa-sha2-" + k.Curve.sshName()
		}
	case *OKP:
		switch k.Name {
		case "Ed25519":
			return "ssh-ed25519"
		case "Ed448":
			return "ssh-ed448"
		}
	}
	return ""
}

// sshName is the curve's identifier of RFC 5656, section 10.1, "" if SSH does not use it.
func (c *Curve) sshName() string {
	switch c.Name {
	case "P-256":
		return "nistp256"
	case "P-384":
		return "nistp384"
	case "P-521":
		return "nistp521"
	}
	return ""
}

func readSSHRSA(r *sshwire.Reader) Numbers {
	e, n := r.Mpint(), r.Mpint()
	return &RSA{E: e, N: n}
}

func writeSSHRSA(b []byte, n Numbers) []byte {
	k := n.(*RSA)
	return sshwire.AppendMpint(sshwire.AppendMpint(b, k.E), k.N)
}

func readSSHDSA(r *sshwire.Reader) Numbers {
	return &DSA{P: r.Mpint(), Q: r.Mpint(), G: r.Mpint(), Y: r.Mpint()}
}

func writeSSHDSA(b []byte, n Numbers) []byte {
	k := n.(*DSA)
	for _, v := range []*big.Int{k.P, k.Q, k.G, k.Y} {
		b = sshwire.AppendMpint(b, v)
	}
	return b
}

func sshECDSA(id, curve string) sshType {
	return sshType{
		name: "ecdsa-sha2-" + id,
		read: func(r *sshwire.Reader) Numbers {
			same := r.Text() == id
			point := r.String()
			if r.Err() == nil && !same {
				return nil
			}
			return &EC{Curve: CurveByName(curve), Point: append([]byte{}, point...)}
		},
		write: func(b []byte, n Numbers) []byte {
			k := n.(*EC)
			point := k.Point
			if x, y, err := k.XY(); err == nil {
				point = k.Curve.EncodePoint(x, y)
			}
			return sshwire.AppendString(sshwire.AppendString(b, id), point)
		},
	}
}

func sshOKP(name, curve string, size int) sshType {
	return sshType{
		name: name,
		read: func(r *sshwire.Reader) Numbers {
			return &OKP{Name: curve, Public: append(make([]byte, 0, size), r.String()...)}
		},
		write: func(b []byte, n Numbers) []byte { return sshwire.AppendString(b, n.(*OKP).Public) },
	}
}
