package alg

import "crypto"

// Sets of profiles that accept an algorithm from users.
var (
	documented = []Profile{Modern2026, Reference2022, FIPS2026, Legacy2026}
	approved   = []Profile{Modern2026, FIPS2026, Legacy2026}
	unapproved = []Profile{Modern2026, Legacy2026}
	withSHA1   = []Profile{Reference2022, Legacy2026}
	onlyLegacy = []Profile{Legacy2026}
)

// plainSignatures are the algorithms whose keys stand for themselves.
var plainSignatures = Table[*Signature]{
	{Info{"ssh-ed25519", "RFC 8709", Modern, Ranks{Modern2026: 4, Reference2022: 1, FIPS2026: 10, Legacy2026: 4}}, documented, "ssh-ed25519", "ssh-ed25519", 0, plain, ed25519Keys},
	{Info{"ssh-ed448", "RFC 8709", Modern, nil}, unapproved, "ssh-ed448", "ssh-ed448", 0, plain, ed448Keys},
	{Info{"ecdsa-sha2-nistp256", "RFC 5656", Modern, Ranks{Reference2022: 2, FIPS2026: 7, Legacy2026: 11}}, documented, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", crypto.SHA256, plain, p256Keys},
	{Info{"ecdsa-sha2-nistp384", "RFC 5656", Modern, Ranks{Reference2022: 3, FIPS2026: 8, Legacy2026: 12}}, documented, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", crypto.SHA384, plain, p384Keys},
	{Info{"ecdsa-sha2-nistp521", "RFC 5656", Modern, Ranks{Reference2022: 4, FIPS2026: 9, Legacy2026: 13}}, documented, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", crypto.SHA512, plain, p521Keys},
	{Info{"rsa-sha2-512", "RFC 8332", Modern, Ranks{Modern2026: 5, Reference2022: 6, FIPS2026: 11, Legacy2026: 5}}, documented, "ssh-rsa", "rsa-sha2-512", crypto.SHA512, plain, rsaKeys},
	{Info{"rsa-sha2-256", "RFC 8332", Modern, Ranks{Modern2026: 6, Reference2022: 5, FIPS2026: 12, Legacy2026: 6}}, documented, "ssh-rsa", "rsa-sha2-256", crypto.SHA256, plain, rsaKeys},
	{Info{"sk-ssh-ed25519@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", crypto.SHA256, plain, skEd25519Keys},
	{Info{"sk-ecdsa-sha2-nistp256@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", crypto.SHA256, plain, skECDSAKeys},
	{Info{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ecdsa-sha2-nistp256@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", crypto.SHA256, plain, webauthnKeys},
	{Info{"ssh-rsa", "RFC 4253, section 6.6", Legacy, Ranks{Reference2022: 7, Legacy2026: 19}}, withSHA1, "ssh-rsa", "ssh-rsa", crypto.SHA1, plain, rsaKeys},
	{Info{"ssh-dss", "RFC 4253, section 6.6", Legacy, Ranks{Reference2022: 8, Legacy2026: 20}}, withSHA1, "ssh-dss", "ssh-dss", crypto.SHA1, plain, dsaKeys},
}

// certificateSignatures are the algorithms whose keys are OpenSSH certificates.
var certificateSignatures = Table[*Signature]{
	{Info{"ssh-ed25519-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{Modern2026: 1, FIPS2026: 4, Legacy2026: 1}}, approved, "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 0, certified, ed25519Keys},
	{Info{"ecdsa-sha2-nistp256-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{FIPS2026: 1, Legacy2026: 8}}, approved, "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", crypto.SHA256, certified, p256Keys},
	{Info{"ecdsa-sha2-nistp384-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{FIPS2026: 2, Legacy2026: 9}}, approved, "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", crypto.SHA384, certified, p384Keys},
	{Info{"ecdsa-sha2-nistp521-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{FIPS2026: 3, Legacy2026: 10}}, approved, "ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", crypto.SHA512, certified, p521Keys},
	{Info{"rsa-sha2-512-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{Modern2026: 2, FIPS2026: 5, Legacy2026: 2}}, approved, "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-512", crypto.SHA512, certified, rsaKeys},
	{Info{"rsa-sha2-256-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Modern, Ranks{Modern2026: 3, FIPS2026: 6, Legacy2026: 3}}, approved, "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256", crypto.SHA256, certified, rsaKeys},
	{Info{"sk-ssh-ed25519-cert-v01@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", crypto.SHA256, certified, skEd25519Keys},
	{Info{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", crypto.SHA256, certified, skECDSAKeys},
	{Info{"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "OpenSSH PROTOCOL.u2f", Modern, nil}, approved, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", crypto.SHA256, certified, webauthnKeys},
	{Info{"ssh-rsa-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Legacy, Ranks{Legacy2026: 17}}, onlyLegacy, "ssh-rsa-cert-v01@openssh.com", "ssh-rsa", crypto.SHA1, certified, rsaKeys},
	{Info{"ssh-dss-cert-v01@openssh.com", "OpenSSH PROTOCOL.certkeys", Legacy, Ranks{Legacy2026: 18}}, onlyLegacy, "ssh-dss-cert-v01@openssh.com", "ssh-dss", crypto.SHA1, certified, dsaKeys},
}

// x509Signatures are the algorithms whose keys are X.509 certificates.
var x509Signatures = Table[*Signature]{
	{Info{"x509v3-rsa2048-sha256", "RFC 6187, section 3.3", Modern, Ranks{Modern2026: 7, FIPS2026: 16, Legacy2026: 7}}, approved, "x509v3-rsa2048-sha256", "rsa2048-sha256", crypto.SHA256, chain, rsa2048Keys},
	{Info{"x509v3-ecdsa-sha2-nistp256", "RFC 6187, section 3.4", Modern, Ranks{FIPS2026: 13, Legacy2026: 14}}, approved, "x509v3-ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", crypto.SHA256, chain, p256Keys},
	{Info{"x509v3-ecdsa-sha2-nistp384", "RFC 6187, section 3.4", Modern, Ranks{FIPS2026: 14, Legacy2026: 15}}, approved, "x509v3-ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", crypto.SHA384, chain, p384Keys},
	{Info{"x509v3-ecdsa-sha2-nistp521", "RFC 6187, section 3.4", Modern, Ranks{FIPS2026: 15, Legacy2026: 16}}, approved, "x509v3-ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", crypto.SHA512, chain, p521Keys},
	{Info{"x509v3-ssh-rsa", "RFC 6187, section 3.2", Legacy, Ranks{Legacy2026: 21}}, onlyLegacy, "x509v3-ssh-rsa", "ssh-rsa", crypto.SHA1, chain, rsaKeys},
	{Info{"x509v3-ssh-dss", "RFC 6187, section 3.1", Legacy, Ranks{Legacy2026: 22}}, onlyLegacy, "x509v3-ssh-dss", "ssh-dss", crypto.SHA1, chain, dsaKeys},
	{Info{"x509v3-sign-rsa", "draft-ietf-secsh-transport-12, section 4.6", Legacy, Ranks{Reference2022: 9, Legacy2026: 23}}, withSHA1, "x509v3-sign-rsa", "x509v3-sign-rsa", crypto.SHA1, bareCertificate, rsaKeys},
	{Info{"x509v3-sign-dss", "draft-ietf-secsh-transport-12, section 4.6", Legacy, Ranks{Reference2022: 10, Legacy2026: 24}}, withSHA1, "x509v3-sign-dss", "x509v3-sign-dss", crypto.SHA1, bareCertificate, dsaDERKeys},
}
