package sshd_test

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"gatehouse/certstore"
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
)

// A server that greets whoever holds one key.
func Example() {
	_, hostKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	alice, _, _ := ed25519.GenerateKey(nil) // in earnest: from a file

	srv := &sshd.Server{
		Addr: "127.0.0.1:2222",
		Config: &sshd.Config{
			HostKeys: []sshd.HostKey{{Signer: hostKey}},
			Auth: sshd.Auth{KeyProven: func(_ context.Context, p *sshd.Proof) sshd.Decision {
				if p.User == "alice" && p.Key.Equal(alice) {
					return sshd.Accept(nil)
				}
				return sshd.Reject()
			}},
		},
		Handler: sshd.HandlerFunc(func(s *sshd.Session) {
			fmt.Fprintf(s, "hello, %s\n", s.User())
		}),
	}
	log.Fatal(srv.ListenAndServe())
}

// The identity of the server comes out of a certificate store.
func ExampleHostKeyFromEntry() {
	ctx := context.Background()
	store, err := certstore.Open(ctx, certstore.Config{
		Type:     certstore.TypeAuto,
		Location: "/etc/gatehouse/host.pfx",
		Password: func() ([]byte, error) { return []byte("secret"), nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	entry, _, err := certstore.Select(ctx, store, "CN=gate.example")
	if err != nil {
		log.Fatal(err)
	}
	key, err := sshd.HostKeyFromEntry(ctx, entry)
	if err != nil {
		log.Fatal(err)
	}
	srv := &sshd.Server{Config: &sshd.Config{HostKeys: []sshd.HostKey{key}}}
	log.Fatal(srv.ListenAndServe())
}

// Two factors: a key, then a code in a dialogue.
func ExampleContinue() {
	known := func(sshd.PublicKey) bool { return true }
	_ = sshd.Auth{
		Methods: []string{"publickey"}, // the second method is offered after the first
		KeyProven: func(_ context.Context, p *sshd.Proof) sshd.Decision {
			if !known(p.Key) {
				return sshd.Reject()
			}
			return sshd.Continue("keyboard-interactive")
		},
		Interactive: func(_ context.Context, d *sshd.Dialogue) sshd.Decision {
			if len(d.Passed) == 0 {
				return sshd.Reject() // nobody comes here but through the key
			}
			answers, err := d.Ask("", "Look at your token.", sshd.Prompt{Text: "Code: "})
			if err != nil || subtle.ConstantTimeCompare([]byte(answers[0]), []byte("123456")) == 0 {
				return sshd.Reject()
			}
			return sshd.Accept(nil)
		},
	}
}

// One function decides about every channel and request.
func ExampleServer_authorize() {
	_ = &sshd.Server{
		Authorize: func(_ context.Context, a *sshd.Access) error {
			switch {
			case a.Kind == sshd.AccessChannel && a.Type == "direct-tcpip":
				return errors.New("no forwarding here")
			case a.Kind == sshd.AccessRequest && a.Type == "exec":
				command := sshwire.NewReader(a.Payload).Text()
				log.Printf("%s runs %q", a.Conn.User(), command)
			}
			return nil
		},
	}
}

// A channel type of one's own.
func ExampleChannelFunc() {
	_ = &sshd.Server{
		Channels: map[string]sshd.ChannelFunc{
			"time@gatehouse.example": func(_ context.Context, n *sshd.NewChannel) {
				ch, err := n.Accept(nil)
				if err != nil {
					return
				}
				defer ch.Close()
				io.WriteString(ch, time.Now().Format(time.RFC3339))
			},
		},
	}
}
