package auth

import (
	"bytes"
	"crypto/rsa"
	"slices"
	"strings"
	"sync"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/msg"
)

// hostboundName is publickey with the server's host key among the signed fields, so that
// a signature made for one server is none for another (OpenSSH PROTOCOL, section 3.1).
const hostboundName = "publickey-hostbound-v00@openssh.com"

// beginPublicKey is RFC 4252, section 7:
//
//	boolean   whether there is a signature
//	string    signature algorithm
//	string    public key
//	string    server host key, of the host-bound method
//	string    signature, if there is one
func beginPublicKey(m *Machine, row *method, req *request) error {
	f := req.fields
	signed, algorithm, blob := f.Bool(), f.Text(), f.String()
	hostOK := true
	if row.name == hostboundName {
		host := f.String()
		hostOK = len(m.cfg.HostKey) > 0 && bytes.Equal(host, m.cfg.HostKey)
	}
	covered := req.read()
	var signature []byte
	if signed {
		signature = f.String()
	}
	if err := req.done(); err != nil {
		return err
	}
	refuse := m.fail
	if !signed {
		if err := m.countProbe(); err != nil {
			return err
		}
		refuse = m.failFree
	}
	offer := m.offer(algorithm, blob)
	if offer == nil || !hostOK {
		return refuse()
	}
	q := &Question{Kind: KindOffer, Offer: offer}
	if signed {
		q.Kind, q.Verify = KindProof, m.verify(offer, covered, signature)
	}
	m.ask(&pending{method: row}, q)
	return nil
}

// beginHostbased is RFC 4252, section 9:
//
//	string    signature algorithm
//	string    public key of the client's host
//	string    client host name
//	string    user name on the client's host
//	string    signature
func beginHostbased(m *Machine, row *method, req *request) error {
	f := req.fields
	algorithm, blob := f.Text(), f.String()
	host := &Hostbased{ClientHost: f.Text(), ClientUser: f.Text()}
	covered := req.read()
	signature := f.String()
	if err := req.done(); err != nil {
		return err
	}
	offer := m.offer(algorithm, blob)
	if offer == nil {
		return m.fail()
	}
	m.ask(&pending{method: row}, &Question{
		Kind: KindHostbased, Offer: offer, Hostbased: host,
		Verify: m.verify(offer, covered, signature),
	})
	return nil
}

// offer returns nil for a key or an algorithm that is not accepted. A key that cannot be
// parsed is one of those: the client may have better ones.
func (m *Machine) offer(algorithm string, blob []byte) *Offer {
	if !slices.Contains(m.cfg.Algorithms, algorithm) {
		return nil
	}
	key, err := alg.ParsePublicKey(algorithm, blob)
	if err != nil {
		return nil
	}
	if _, isRSA := key.Key.(*rsa.PublicKey); isRSA && key.Bits() < m.cfg.MinRSABits {
		return nil
	}
	return &Offer{Algorithm: algorithm, Blob: blob, Key: key}
}

// verify returns a function that checks, once, the signature over the session identifier
// and the part of the request before the signature.
func (m *Machine) verify(o *Offer, covered, signature []byte) func() (alg.SignInfo, error) {
	data := sshwire.AppendString(nil, m.cfg.SessionID)
	data = append(data, covered...)
	return sync.OnceValues(func() (alg.SignInfo, error) {
		return o.Key.Verify(o.Algorithm, data, signature)
	})
}

// sendKeyOK sends SSH_MSG_USERAUTH_PK_OK (RFC 4252, section 7):
//
//	string    signature algorithm of the request
//	string    public key of the request
func sendKeyOK(m *Machine, p *pending, d Decision) error {
	b := sshwire.AppendString([]byte{msgKeyOK}, p.offer.Algorithm)
	m.send(sshwire.AppendString(b, p.offer.Blob))
	return nil
}

// untouched reports whether a security key signed without its user's presence. The format
// tells them from other keys; that no flag is set would not, nor an empty application.
func untouched(o *Offer, info alg.SignInfo) bool {
	return strings.HasPrefix(o.Key.Format, "sk-") && info.Flags&alg.FlagUserPresent == 0
}

// read returns the message up to where its fields were read.
func (r *request) read() []byte { return r.message[:1+r.fields.Offset()] }

func (r *request) done() error {
	if err := r.fields.Done(); err != nil {
		return malformed(msg.Name(msg.UserauthRequest), err)
	}
	return nil
}
