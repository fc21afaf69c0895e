module gatehouse/keyfmt

go 1.26.0

require (
	github.com/cloudflare/circl v1.6.5
	github.com/goccy/go-json v0.10.6 // indirect
	github.com/lestrrat-go/jwx/v2 v2.1.7 // indirect
	github.com/lestrrat-go/option v1.0.1 // indirect
	github.com/pavlo-v-chernykh/keystore-go/v4 v4.5.0
	github.com/segmentio/asm v1.2.1 // indirect
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0 // indirect
	software.sslmate.com/src/go-pkcs12 v0.7.4
)
