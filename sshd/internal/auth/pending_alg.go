package auth

import "errors"

type SignInfo struct {
	SecurityKey, UserPresent bool
}
type PublicKey struct{}

func (*PublicKey) Verify(algorithm string, data, signature []byte) (SignInfo, error) {
	return SignInfo{}, errors.New("x")
}
func (m *Machine) parse(algorithm string, blob []byte) (*PublicKey, error) {
	return &PublicKey{}, nil
}
