module gatehouse/conformance

go 1.26.0

require (
	gatehouse/certstore v0.0.0
	gatehouse/keyfmt v0.0.0
	gatehouse/sshd v0.0.0
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	github.com/creack/pty v1.1.24 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/kr/fs v0.1.0 // indirect
	github.com/miekg/pkcs11 v1.1.2 // indirect
	github.com/pkg/sftp v1.13.12 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace gatehouse/keyfmt => ../keyfmt

replace gatehouse/certstore => ../certstore

replace gatehouse/sshd => ../sshd
