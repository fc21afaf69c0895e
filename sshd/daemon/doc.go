// Package daemon is the SSH server component that the reference manual documents, name by
// name: 30 properties, 18 methods, 16 events and 38 settings, with their documented
// defaults, ranges and error codes. It is a face of package sshd, for programs that were
// written against that manual. New programs have less to know with package sshd itself.
//
//	d := daemon.New()
//	defer d.Close()
//	d.SetEvents(daemon.Events{
//		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
//			e.Accept = e.AuthMethod == "password" && e.User == "alice" && right(e.AuthParam)
//		},
//		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) { e.Accept = e.Service == "session" },
//		SSHChannelRequest:     func(e *daemon.SSHChannelRequest) { e.Success = e.RequestType == "shell" },
//		SSHChannelDataIn:      func(e *daemon.SSHChannelDataIn) { d.SendBytes(e.ChannelId, e.Data) },
//	})
//	d.SetSSHCertStoreType(6) // a PEM file
//	d.SetSSHCertStore("host.pem")
//	d.SetSSHCertSubject("*")
//	err := d.StartListening()
//
// # Warning
//
// The documented lists of algorithms are those of their time. They offer RC4, MD5, SHA-1,
// DSA and a group of 1024 bits, which an attacker can break or be helped by. A server that
// faces clients of today replaces all of them with one line before StartListening:
//
//	err := d.UseProfile(sshd.Modern2026)
//
// # Names and ids
//
// Names are those of the manual, which is why ChannelId is not spelled ChannelID. The
// index of a property or setting is the id of a connection, the id of a channel or the
// position of a prompt or certificate. Ids of connections are small numbers that are used
// again; the setting ConnectionUID tells their users apart. Ids of channels are decimal
// numbers as text, and never used again by the same Daemon.
//
// # Events
//
// The handlers of one connection run one at a time, in the order of the protocol, and the
// next message of that connection is only dealt with when the handler has returned. Those
// of different connections run at the same time. A handler may call every method of the
// Daemon, and sends from it do not wait for another handler. With the setting
// ProcessIdleEvents=False nothing runs by itself: events wait until DoEvents is called, and
// run on the caller's goroutine.
//
// # Errors
//
// Every error is an *Error with a documented number; see Code. LastError keeps that of the
// last call.
package daemon
