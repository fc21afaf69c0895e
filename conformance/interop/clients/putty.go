package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/conformance/interop/server"
)

// puttySession is a saved session that offers all that PuTTY has; there are no options for
// it. PuTTY asks before it uses what stands behind WARN.
const puttySession = `Present=1
Protocol=ssh
Compression=1
SSH2DES=1
Cipher=chacha20,aesgcm,aes,3des,blowfish,arcfour,des,WARN
KEX=ntru-curve25519,ecdh,dh-gex-sha1,dh-group18-sha512,dh-group17-sha512,dh-group16-sha512,dh-group15-sha512,dh-group14-sha1,dh-group1-sha1,rsa,WARN
HostKey=ed448,ed25519,ecdsa,rsa,dsa,WARN
PreferKnownHostKeys=0
`

func puttyKey(t testing.TB, file string) string {
	t.Helper()
	mustRun(t, "puttygen", file, "-O", "private", "-o", file+".ppk")
	return file + ".ppk"
}

// putty is a command of PuTTY's with the saved session.
func putty(j *Job, program string, args ...string) *exec.Cmd {
	sessions := filepath.Join(j.home, ".putty", "sessions")
	if err := os.MkdirAll(sessions, 0o700); err == nil {
		_ = os.WriteFile(filepath.Join(sessions, "all"), []byte(puttySession), 0o600) // without it plink fails
	}
	all := []string{program, "-batch", "-load", "all", "-i", j.key, "-P", j.Server.Port}
	for _, fingerprint := range j.fingerprints {
		all = append(all, "-hostkey", fingerprint)
	}
	return command(join(all, args)...)
}

func plink(j *Job) *exec.Cmd {
	return putty(j, "plink", server.User+"@"+j.Server.Host, j.Command)
}

func psftp(j *Job) *exec.Cmd {
	batch := filepath.Join(j.home, "batch")
	_ = os.WriteFile(batch, []byte(copyBatch(j)), 0o600) // without it psftp fails
	return putty(j, "psftp", "-b", batch, server.User+"@"+j.Server.Host)
}
