package auth

var testAlgorithms = []string{"ssh-ed25519", "rsa-sha2-256"}
var testSessionID = []byte("session")
var testHostKey = []byte("host key")
