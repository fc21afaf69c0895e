package keyfmt_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"gatehouse/keyfmt"
	"gatehouse/keyfmt/testkeys"
)

// Parse needs no hint what a file is.
func ExampleParse() {
	file := testkeys.PEM("p256") // os.ReadFile("server.pem")

	b, err := keyfmt.Parse(file, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range b.Items {
		fmt.Println(b.Format, item.Kind(), item.Key.Algorithm)
	}
	// Output: pkcs8 key ECDSA-P256
}

// A PFX with its password becomes an OpenSSH private key with another one.
func ExampleMarshal() {
	pfx := samplePFX("changeit") // os.ReadFile("server.pfx")

	b, err := keyfmt.Parse(pfx, &keyfmt.ParseOptions{
		Password: func() ([]byte, error) { return []byte("changeit"), nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	ssh, err := keyfmt.Marshal(keyfmt.FormatOpenSSH, b, &keyfmt.MarshalOptions{
		Password:  []byte("a better one"),
		AllowLoss: true, // the certificate has no place there
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.SplitN(string(ssh), "\n", 2)[0])
	// Output: -----BEGIN OPENSSH PRIVATE KEY-----
}

// Nothing is dropped unless the caller says so.
func ExampleLossError() {
	b, err := keyfmt.Parse(samplePFX(""), &keyfmt.ParseOptions{
		Password: func() ([]byte, error) { return nil, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = keyfmt.Marshal(keyfmt.FormatOpenSSH, b, nil)
	var loss *keyfmt.LossError
	if errors.As(err, &loss) {
		fmt.Println(loss.Lost)
	}
	// Output: [the certificates of "www"]
}

// Detect says why it thinks so.
func ExampleDetect() {
	d, err := keyfmt.Detect(testkeys.Certificate("ed25519"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", d.Format, d.Reason)
	// Output: x509: it has the ASN.1 structure of a Certificate
}

// samplePFX stands for a file.
func samplePFX(password string) []byte {
	key, err := keyfmt.NewKey(testkeys.Signer("ed25519"))
	if err != nil {
		log.Fatal(err)
	}
	cert := keyfmt.NewCertificate(testkeys.Certificate("ed25519"))
	pfx, err := keyfmt.Marshal(keyfmt.FormatPKCS12, &keyfmt.Bundle{
		Items: []keyfmt.Item{{Alias: "www", Key: key, Certs: []*keyfmt.Certificate{cert}}},
	}, &keyfmt.MarshalOptions{Password: []byte(password), Iterations: 2000})
	if err != nil {
		log.Fatal(err)
	}
	return pfx
}
