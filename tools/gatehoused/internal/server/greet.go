package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"

	"gatehouse/gatehoused/internal/config"
)

// greet says where the server listens, who it is and how to reach it: to a person where the
// default that is built in was started, else to the log.
func (s *Server) greet() {
	for _, l := range s.sockets {
		s.log.Info("listening", "address", l.Addr().String())
	}
	if s.Flags.File != "" {
		if s.me.UID != 0 {
			s.log.Warn("not root: only this user is served", "user", s.me.Name)
		}
		return
	}
	p := painter{s.Stdout, isTerminal(s.Stdout)}
	var port, host string
	for _, l := range s.sockets {
		host, port, _ = net.SplitHostPort(l.Addr().String())
		p.line("%s serves %s on %s", p.bold("gatehoused"), p.bold(s.me.Name), p.bold(l.Addr().String()))
	}
	p.line("host keys:")
	for _, k := range s.current.keys.Load().Keys {
		if print, err := k.Fingerprint(); err == nil {
			p.line("  %s  %s", print, keyName(k.Signer.Public()))
		}
	}
	s.warnNoKeys(p)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	p.line("connect with:  %s", p.bold(fmt.Sprintf("ssh -p %s %s@%s", port, s.me.Name, host)))
}

// keyName is what people call a key of this type.
func keyName(public crypto.PublicKey) string {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return "Ed25519"
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	}
	return fmt.Sprintf("%T", public)
}

// warnNoKeys tells somebody who has no authorized_keys what to do.
func (s *Server) warnNoKeys(p painter) {
	var looked []string
	for _, file := range s.current.options.AuthorizedKeysFile {
		path, err := config.ExpandPath(file, config.User{Name: s.me.Name, Home: s.me.Home, UID: s.me.UID})
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return
		}
		looked = append(looked, path)
	}
	if len(looked) == 0 {
		return
	}
	p.line("%s nobody can log in yet: there is no %s. To let your own key in:", p.bold("Note:"), strings.Join(looked, " or "))
	p.line("  mkdir -p -m 700 ~/.ssh && cat ~/.ssh/id_*.pub >> %s && chmod 600 %s", looked[0], looked[0])
	p.line("  (without a key: ssh-keygen -t ed25519 first)")
}

// A painter writes lines, with emphasis where a person reads them.
type painter struct {
	to     io.Writer
	colour bool
}

func (p painter) line(format string, args ...any) { fmt.Fprintf(p.to, format+"\n", args...) }

func (p painter) bold(s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// isTerminal reports whether a person reads w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}
