module gatehouse/certstore

go 1.26.0

require (
	gatehouse/keyfmt v0.0.0
	github.com/miekg/pkcs11 v1.1.2
	golang.org/x/crypto v0.58.0
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace gatehouse/keyfmt => ../keyfmt
