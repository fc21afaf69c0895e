module gatehouse/certtool

go 1.26.0

require (
	gatehouse/certstore v0.0.0
	gatehouse/keyfmt v0.0.0
)

require (
	github.com/miekg/pkcs11 v1.1.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
)

replace gatehouse/keyfmt => ../../keyfmt

replace gatehouse/certstore => ../../certstore
