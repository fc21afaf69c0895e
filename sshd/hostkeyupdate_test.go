package sshd_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
)

// testHostKeys returns a key of each kind.
func testHostKeys(t *testing.T) (keys []sshd.HostKey) {
	t.Helper()
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, k := range []crypto.Signer{ed, ec, rs} {
		keys = append(keys, sshd.HostKey{Signer: k})
	}
	return keys
}

// A learner is a client that hears global requests.
type learner struct {
	ssh.Conn
	requests <-chan *ssh.Request
}

func learn(t *testing.T, addr string, algorithms ...string) *learner {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(nc, addr, &ssh.ClientConfig{User: "u", Auth: []ssh.AuthMethod{ssh.Password("open")},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), HostKeyAlgorithms: algorithms})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		for n := range channels {
			n.Reject(ssh.Prohibited, "")
		}
	}()
	return &learner{c, requests}
}

// announced waits for the server's keys.
func (l *learner) announced(t *testing.T) (blobs [][]byte) {
	t.Helper()
	for q := range l.requests {
		if q.Type != "hostkeys-00@openssh.com" {
			continue
		}
		if q.WantReply {
			t.Error("a reply is wanted")
		}
		r := sshwire.NewReader(q.Payload)
		for r.Len() > 0 && r.Err() == nil {
			blobs = append(blobs, bytes.Clone(r.String()))
		}
		return blobs
	}
	t.Fatal("no announcement")
	return nil
}

func (l *learner) prove(t *testing.T, blobs ...[]byte) (ok bool, signatures []*ssh.Signature) {
	t.Helper()
	var request []byte
	for _, b := range blobs {
		request = sshwire.AppendString(request, b)
	}
	ok, answer, err := l.SendRequest("hostkeys-prove-00@openssh.com", true, request)
	if err != nil {
		t.Fatal(err)
	}
	r := sshwire.NewReader(answer)
	for r.Len() > 0 {
		s := new(ssh.Signature)
		if err := ssh.Unmarshal(r.String(), s); err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, s)
	}
	return ok, signatures
}

// verify checks a proof and returns the algorithm that made it.
func (l *learner) verify(t *testing.T, blob []byte, s *ssh.Signature) string {
	t.Helper()
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		t.Fatal(err)
	}
	data := sshwire.AppendString(nil, "hostkeys-prove-00@openssh.com")
	data = sshwire.AppendString(data, l.SessionID())
	if err := key.Verify(sshwire.AppendString(data, blob), s); err != nil {
		t.Errorf("%s: %v", key.Type(), err)
	}
	return s.Format
}

func TestHostKeysAreAnnouncedAndProven(t *testing.T) {
	keys := testHostKeys(t)
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone, Profile: sshd.Legacy2026, HostKeys: append(keys, keys[0])}})
	for offered, want := range map[string]string{ssh.KeyAlgoED25519: ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256: ssh.KeyAlgoRSASHA256} {
		l := learn(t, addr, offered)
		blobs := l.announced(t)
		if len(blobs) != len(keys) {
			t.Fatalf("%d keys, want %d distinct ones", len(blobs), len(keys))
		}
		ok, signatures := l.prove(t, blobs...)
		if !ok || len(signatures) != len(keys) {
			t.Fatalf("%v, %d proofs", ok, len(signatures))
		}
		for i, s := range signatures {
			if format := l.verify(t, blobs[i], s); i == 2 && format != want {
				t.Errorf("with %s the RSA key signs with %s, want %s", offered, format, want)
			}
		}
	}
}

func TestOnlyAnnouncedKeysAreProvenAndOnce(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone, HostKeys: testHostKeys(t)}})
	l := learn(t, addr)
	blobs := l.announced(t)
	stranger, _, _ := ed25519.GenerateKey(rand.Reader)
	key, _ := ssh.NewPublicKey(stranger)
	for name, request := range map[string][][]byte{
		"twice": {blobs[0], blobs[1], blobs[0]}, "another": {key.Marshal()}, "none": {{}},
	} {
		if ok, signatures := l.prove(t, request...); ok || len(signatures) > 0 {
			t.Errorf("%s: the server signed", name)
		}
	}
	if ok, _ := l.prove(t, blobs[1]); !ok { // all is well after that
		t.Error("refused")
	}
}

func TestNoHostKeyUpdates(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone, NoHostKeyUpdates: true}})
	l := learn(t, addr)
	l.SendRequest("keepalive@openssh.com", true, nil) // an announcement would have come before the answer
	select {
	case q := <-l.requests:
		t.Errorf("%s", q.Type)
	default:
	}
}

func TestHostKeysRotateWhileRunning(t *testing.T) {
	var mu sync.Mutex
	var conn *sshd.Conn
	cfg := &sshd.Config{Auth: anyone, HostKeys: testHostKeys(t)[:1]}
	srv := &sshd.Server{Config: cfg, Events: &sshd.Events{Authenticated: func(c *sshd.Conn) { mu.Lock(); conn = c; mu.Unlock() }}}
	l := learn(t, serve(t, srv))
	l.announced(t)
	l.SendRequest("keepalive@openssh.com", true, nil)
	next := append(testHostKeys(t), cfg.HostKeys...)
	mu.Lock()
	err := conn.AnnounceHostKeys(next)
	mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	blobs := l.announced(t)
	ok, signatures := l.prove(t, blobs...)
	if !ok || len(signatures) != 4 {
		t.Fatalf("%v, %d proofs of %d keys", ok, len(signatures), len(blobs))
	}
	for i, s := range signatures {
		l.verify(t, blobs[i], s)
	}
	if err := conn.Rekey(context.Background()); err != nil {
		t.Error(err)
	}
}
