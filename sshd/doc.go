// Package sshd is an SSH server for Go programs.
//
// It feels like net/http: a [Server] has a [Handler] that serves sessions, a [Config] says
// who is let in and how, and everything has safe zero values: a server without a host key
// does not start, one without authentication hooks lets nobody in.
//
//	srv := &sshd.Server{
//		Addr: ":2222",
//		Config: &sshd.Config{
//			HostKeys: []sshd.HostKey{{Signer: key}},
//			Auth: sshd.Auth{KeyProven: func(ctx context.Context, p *sshd.Proof) sshd.Decision {
//				if p.User == "alice" && p.Key.Equal(alicesKey) {
//					return sshd.Accept(nil)
//				}
//				return sshd.Reject()
//			}},
//		},
//		Handler: sshd.HandlerFunc(func(s *sshd.Session) { fmt.Fprintf(s, "hello, %s\n", s.User()) }),
//	}
//	log.Fatal(srv.ListenAndServe())
//
// The protocol engine is this module's own; see docs/ARCHITECTURE.md. What runs users'
// programs, serves files and forwards ports is in the packages session, sftp and forward.
//
// # Callbacks
//
// The hooks and Events of one connection run one at a time, in protocol order, while the
// transport goes on: a slow hook delays the later ones of its connection, no data and
// nobody else. Handlers of sessions and channels have goroutines of their own. Every hook
// may use all methods of the connection; it must not wait for another hook of it.
package sshd
