// Command xcrypto drives golang.org/x/crypto/ssh; see environ in package clients.
package main

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/crypto/ssh"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	pem, err := os.ReadFile(os.Getenv("KEY"))
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	sound, old := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	client, err := ssh.Dial("tcp", os.Getenv("SSH_HOST")+":"+os.Getenv("SSH_PORT"), &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: slices.Concat(sound.KeyExchanges, old.KeyExchanges),
			Ciphers:      slices.Concat(sound.Ciphers, old.Ciphers),
			MACs:         slices.Concat(sound.MACs, old.MACs),
		},
		HostKeyAlgorithms: slices.Concat(sound.HostKeys, old.HostKeys),
		User:              os.Getenv("SSH_USER"),
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	session.Stdin, session.Stdout, session.Stderr = os.Stdin, os.Stdout, os.Stderr
	return session.Run(os.Getenv("COMMAND"))
}
