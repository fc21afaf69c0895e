package proven

import "gatehouse/sshd"

// What proves an algorithm that no client of the tests has.
const (
	byVectors = "no client that Debian or a package registry has; vectors in sshd/internal"
	byPeer    = "no client that Debian or a package registry has; conformance/peer, a second implementation"
	byDevice  = "clients need a security key; vectors in sshd/internal/alg"
)

// reasons say why no client proves an algorithm, and what does instead.
var reasons = map[sshd.AlgorithmKind]map[string]string{
	sshd.KeyExchange: {
		"mlkem1024nistp384-sha384": byPeer,
		"mlkem768nistp256-sha256":  byPeer,
	},
	sshd.MAC: {
		"hmac-ripemd160-96": byPeer,
	},
	sshd.HostKeyAlgorithm: {
		"x509v3-ssh-dss":  byVectors,
		"x509v3-sign-rsa": byPeer,
		"x509v3-sign-dss": byVectors,
	},
	sshd.PublicKeyAlgorithm: {
		"sk-ssh-ed25519@openssh.com":                           byDevice,
		"sk-ecdsa-sha2-nistp256@openssh.com":                   byDevice,
		"webauthn-sk-ecdsa-sha2-nistp256@openssh.com":          byDevice,
		"sk-ssh-ed25519-cert-v01@openssh.com":                  byDevice,
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com":          byDevice,
		"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": byDevice,
		"x509v3-ssh-dss":                                       byVectors,
		"x509v3-sign-rsa":                                      byVectors,
		"x509v3-sign-dss":                                      byVectors,
	},
}

// reason returns the reason for an algorithm, "" if there is none.
func reason(kind sshd.AlgorithmKind, name string) string { return reasons[kind][name] }
