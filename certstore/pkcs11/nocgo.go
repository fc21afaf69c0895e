//go:build !cgo

package pkcs11

import (
	"context"
	"fmt"

	"gatehouse/certstore"
)

func openToken(context.Context, *certstore.Config, string, *Saved) (certstore.Store, error) {
	return nil, fmt.Errorf("%w: PKCS #11 needs a program that was built with cgo", certstore.ErrNoDriver)
}

// Tokens lists the tokens that a PKCS #11 library sees. Without cgo it fails.
func Tokens(context.Context, string) ([]URI, error) {
	return nil, fmt.Errorf("pkcs11: %w: this program was built without cgo", certstore.ErrNoDriver)
}
