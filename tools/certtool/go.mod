module gatehouse/certtool

go 1.26.0

require (
	gatehouse/certstore v0.0.0
	gatehouse/keyfmt v0.0.0
	golang.org/x/term v0.47.0
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	github.com/miekg/pkcs11 v1.1.2 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace gatehouse/keyfmt => ../../keyfmt

replace gatehouse/certstore => ../../certstore
