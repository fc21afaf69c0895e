package daemon_test

import (
	"crypto/subtle"
	"fmt"
	"log"

	"gatehouse/sshd"
	"gatehouse/sshd/daemon"
)

// A server that lets one user in and sends back what comes.
func Example() {
	d := daemon.New()
	defer d.Close()
	d.SetEvents(daemon.Events{
		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
			e.Accept = e.User == "alice" && e.AuthMethod == "password" &&
				subtle.ConstantTimeCompare(e.AuthParam, []byte("open sesame")) == 1
		},
		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) { e.Accept = e.Service == "session" },
		SSHChannelRequest:     func(e *daemon.SSHChannelRequest) { e.Success = e.RequestType == "shell" },
		SSHChannelDataIn: func(e *daemon.SSHChannelDataIn) {
			if err := d.SendBytes(e.ChannelId, e.Data); err != nil {
				log.Print(err)
			}
		},
		SSHChannelEOF: func(e *daemon.SSHChannelEOF) { d.CloseChannel(e.ChannelId) },
	})
	if err := d.UseProfile(sshd.Modern2026); err != nil { // instead of the documented algorithms
		log.Fatal(err)
	}
	d.SetSSHCertStoreType(2) // a PKCS #12 file
	d.SetSSHCertStore("host.pfx")
	d.SetSSHCertStorePassword("secret")
	if err := d.SetSSHCertSubject("*"); err != nil {
		log.Fatal(err)
	}
	if err := d.StartListening(); err != nil {
		log.Fatal(err)
	}
	select {}
}

// Two factors: a key, then the answers to two prompts.
func ExampleSSHUserAuthRequest() {
	d := daemon.New()
	d.SetDefaultAuthMethods("publickey")
	known := func([]byte) bool { return true }
	passed := map[int]bool{} // by connection; in earnest, guarded by a mutex
	d.SetEvents(daemon.Events{
		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
			switch e.AuthMethod {
			case "publickey":
				e.PartialSuccess, e.AvailableMethods = known(e.AuthParam), "keyboard-interactive"
				passed[e.ConnectionId] = e.PartialSuccess
				d.Config(fmt.Sprintf("KeyboardInteractivePrompts[%d]=Code: ,echo=true;PIN: ,echo=false", e.ConnectionId))
			case "keyboard-interactive-1", "keyboard-interactive-2":
				e.Accept = len(e.AuthParam) == 6 // in earnest: the right ones
			case "keyboard-interactive":
				e.Accept = passed[e.ConnectionId]
			}
		},
		Disconnected: func(e *daemon.Disconnected) { delete(passed, e.ConnectionId) },
	})
}

// The parameters of a request to forward a connection.
func ExampleDaemon_GetSSHParam() {
	d := daemon.New()
	d.SetEvents(daemon.Events{
		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) {
			if e.Service != "direct-tcpip" {
				return
			}
			host, err := d.GetSSHParam(e.Parameters, "%s")
			if err != nil {
				return
			}
			port, err := d.GetSSHParam(e.Parameters, "%s,i")
			e.Accept = err == nil && host == "intranet.example" && port == "443"
		},
	})
}
