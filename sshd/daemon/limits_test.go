package daemon_test

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd"
	"gatehouse/sshd/daemon"
)

// TestSilence: a client that says nothing is thrown out, in the handshake and behind it.
func TestSilence(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("DefaultConnectionTimeout=1"))
	must2(t)(d.Config("DefaultIdleTimeout=1"))
	ends := make(chan *daemon.Disconnected, 2)
	e := echo(d)
	e.Disconnected = func(e *daemon.Disconnected) { ends <- e }
	addr := listen(t, d, e)
	nc, err := net.Dial("tcp", addr)
	must(t, err)
	defer nc.Close()
	dial(t, addr, nil)
	start := time.Now()
	for range 2 {
		select {
		case e := <-ends:
			if e.StatusCode != 10060 || time.Since(start) < 800*time.Millisecond {
				t.Errorf("%d %s after %v", e.StatusCode, e.Description, time.Since(start))
			}
		case <-time.After(5 * time.Second):
			t.Fatal("still there")
		}
	}
}

// TestLogLevels: what each level shows, and that none shows the password.
func TestLogLevels(t *testing.T) {
	const password = "zebra crossing"
	for level := range 4 {
		d := fresh(t)
		must2(t)(d.Config(fmt.Sprintf("LogLevel=%d", level)))
		var j journal
		done := make(chan bool)
		e := echo(d)
		e.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) { e.Accept = string(e.AuthParam) == password }
		e.Log = func(e *daemon.Log) { j.add("%d %s %q", e.LogLevel, e.Message, e.LogType) }
		e.Disconnected = func(*daemon.Disconnected) { close(done) }
		c := dial(t, listen(t, d, e), with(ssh.Password(password)))
		shell(t, c).expect(t, "x", "x")
		c.Close()
		<-done
		text := strings.Join(j.all(), "\n")
		for l := 1; l <= 3; l++ {
			if has := strings.Contains("\n"+text, fmt.Sprintf("\n%d ", l)); has != (l <= level) {
				t.Errorf("LogLevel=%d: lines of level %d: %v", level, l, has)
			}
		}
		if strings.Contains(text, password) || strings.Contains(text, fmt.Sprintf("% x", password)) {
			t.Errorf("LogLevel=%d shows the password", level)
		}
	}
}

// offers reads what a server offers: the plain text of its KEXINIT.
func offers(t *testing.T, addr string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	must(t, err)
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = io.WriteString(nc, "SSH-2.0-test\r\n")
	must(t, err)
	r := bufio.NewReader(nc)
	_, err = r.ReadString('\n')
	must(t, err)
	var length [4]byte
	_, err = io.ReadFull(r, length[:])
	must(t, err)
	packet := make([]byte, int(length[2])<<8|int(length[3]))
	_, err = io.ReadFull(r, packet)
	must(t, err)
	return string(packet)
}

// TestAlgorithms: the documented lists are offered as they are, and a profile replaces them.
func TestAlgorithms(t *testing.T) {
	d := fresh(t)
	if err := d.SetSSHEncryptionAlgorithms("no,such"); err == nil {
		t.Error("a list without any cipher was taken")
	}
	kex, err := d.Config("SSHKeyExchangeAlgorithms")
	must(t, err)
	macs, err := d.Config("SSHMacAlgorithms")
	must(t, err)
	addr := listen(t, d, echo(d))
	offered := offers(t, addr)
	for _, list := range []string{kex, macs, d.SSHEncryptionAlgorithms(), d.SSHCompressionAlgorithms()} {
		if !strings.Contains(offered, list) {
			t.Errorf("not offered: %s", list)
		}
	}
	if strings.Contains(offered, "mlkem") || !strings.Contains(offered, "arcfour") {
		t.Error("not the documented lists")
	}
	must(t, d.UseProfile(sshd.Modern2026))
	if offered := offers(t, addr); !strings.Contains(offered, "mlkem") || strings.Contains(offered, "arcfour") || strings.Contains(offered, "sha1") {
		t.Error("not the profile's lists")
	}
	must(t, d.SetSSHEncryptionAlgorithms("aes128-ctr,unknown"))
	if _, err := try(addr, func(c *ssh.ClientConfig) { c.Ciphers = []string{"aes256-ctr"} }); err == nil {
		t.Error("a cipher that is not listed was used")
	}
	dial(t, addr, func(c *ssh.ClientConfig) { c.Ciphers = []string{"aes256-ctr", "aes128-ctr"} })
}

// TestCertificate: the search, and what a failed one leaves.
func TestCertificate(t *testing.T) {
	d := fresh(t)
	must(t, d.SetSSHCertStore(string(testkeys.PEM("p256"))+string(certificatePEM("p256"))))
	must(t, d.SetSSHCertSubject("*"))
	subject, encoded := d.SSHCertSubject(), d.SSHCertEncoded()
	if subject == "" || !strings.Contains(encoded, "BEGIN CERTIFICATE") {
		t.Fatalf("subject %q, encoded %q", subject, encoded)
	}
	must(t, d.SetSSHCertSubject(subject[1:len(subject)-1]))
	if d.SSHCertSubject() != subject {
		t.Errorf("a part of it selects %q", d.SSHCertSubject())
	}
	must(t, d.SetSSHCertSubject("CN=somebody else"))
	if d.SSHCertSubject() != "" || d.SSHCertEncoded() != "" {
		t.Error("what is not there was selected")
	}
	must(t, d.SetSSHCertEncoded(encoded))
	if d.SSHCertSubject() != subject {
		t.Errorf("its own encoding selects %q", d.SSHCertSubject())
	}
	must(t, d.SetSSHCertStore("not a key"))
	if err := d.SetSSHCertSubject("*"); err == nil || d.SSHCertSubject() != "" {
		t.Error("a store that cannot be read is no error, or left the old certificate")
	}
	if err := d.SetSSHCertStoreType(23); err == nil || d.SSHCertStoreType() != 7 {
		t.Error("store type 23 was taken")
	}
}

func certificatePEM(name string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testkeys.Certificate(name)})
}
