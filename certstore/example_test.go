package certstore_test

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// Opens a file without knowing what it is, and takes the identity of a server out of it.
func Example() {
	ctx := context.Background()
	store, err := certstore.Open(ctx, certstore.Config{
		Type:     certstore.TypeAuto,
		Location: "testdata/gate.pfx",
		Password: func() ([]byte, error) { return []byte("open sesame"), nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	entry, _, err := certstore.Select(ctx, store, "CN=gate.example")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := entry.Signer(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Type())
	fmt.Println(entry.Subject())
	fmt.Printf("%T\n", signer.Public())
	// Output:
	// PFX file
	// CN=gate.example, O="Gate, Inc", C=CH
	// ed25519.PublicKey
}

// Tells apart why a store does not open.
func ExampleOpen_errors() {
	ctx := context.Background()
	for _, cfg := range []certstore.Config{
		{Type: certstore.TypePFXFile, Location: "testdata/missing.pfx"},
		{Type: certstore.TypePFXFile, Location: "testdata"},
		{Type: certstore.TypePPKFile, Location: "testdata/gate.pfx"},
		{Type: certstore.TypePFXFile, Location: "testdata/gate.pfx"},
		{Type: certstore.TypePFXFile, Location: "testdata/gate.pfx", Password: func() ([]byte, error) { return []byte("?"), nil }},
	} {
		_, err := certstore.Open(ctx, cfg)
		switch {
		case errors.Is(err, os.ErrNotExist):
			fmt.Println("there is no such file")
		case errors.Is(err, certstore.ErrNotRegular):
			fmt.Println("that is no file")
		case errors.Is(err, certstore.ErrWrongFormat):
			fmt.Println("that is a file of another kind")
		case errors.Is(err, keyfmt.ErrPasswordRequired):
			fmt.Println("it has a password")
		case errors.Is(err, keyfmt.ErrIncorrectPassword):
			fmt.Println("the password is another one")
		}
	}
	// Output:
	// there is no such file
	// that is no file
	// that is a file of another kind
	// it has a password
	// the password is another one
}

// Keeps a key in the user's own store and finds it again.
func ExampleWriter() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "stores")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	store, err := certstore.Open(ctx, certstore.Config{Type: certstore.TypeUser, Location: "MY", Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	entry := newIdentity("ssh-host-ecdsa", pkix.Name{CommonName: "gate.example"})
	writer := store.(certstore.Writer)
	fmt.Println(writer.Put(ctx, entry))
	fmt.Println(errors.Is(writer.Put(ctx, entry), certstore.ErrExists))
	for e, err := range store.Entries(ctx) {
		fmt.Println(e.Alias, e.Kind(), err)
	}
	// Output:
	// <nil>
	// true
	// ssh-host-ecdsa key <nil>
}

// Takes up a renewed certificate while a server runs.
func ExampleWatch() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cfg := certstore.Config{Type: certstore.TypePEMKeyFile, Location: "/etc/gatehouse/host.pem"}
	store, err := certstore.Open(ctx, cfg)
	if err != nil {
		return
	}
	err = certstore.Watch(ctx, store, 0, func() {
		renewed, err := certstore.Open(ctx, cfg)
		if err != nil {
			log.Print("still using the old certificate: ", err)
			return
		}
		defer renewed.Close()
		// Hand the entries of renewed to the server.
	})
	log.Print(err)
}
