package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"gatehouse/gatehoused/internal/config"
)

// addresses lists where a configuration listens, without repetition.
func addresses(o *config.Options) []string {
	listen := o.ListenAddresses
	if len(listen) == 0 {
		listen = []config.ListenAddress{{}}
	}
	var all []string
	seen := map[string]bool{}
	add := func(host string, port uint16) {
		a := net.JoinHostPort(host, strconv.Itoa(int(port)))
		if !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	for _, l := range listen {
		if l.Port != 0 {
			add(l.Host, l.Port)
			continue
		}
		for _, port := range o.Ports {
			add(l.Host, port)
		}
	}
	return all
}

// networks are those of AddressFamily.
var networks = map[string]string{"any": "tcp", "inet": "tcp4", "inet6": "tcp6"}

// sockets are what is listened on, by network and address. A configuration that is read anew
// keeps those that it has too, so that no connection is refused in between.
type sockets map[string]*net.TCPListener

// open returns the sockets for a configuration. Those that are in s are shared.
func (s sockets) open(ctx context.Context, o *config.Options) (sockets, error) {
	all := sockets{}
	network := networks[o.AddressFamily]
	var lc net.ListenConfig
	for _, address := range addresses(o) {
		key := network + " " + address
		if l := s[key]; l != nil {
			all[key] = l
			continue
		}
		l, err := lc.Listen(ctx, network, address)
		if err != nil {
			all.closeBut(s)
			return nil, fmt.Errorf("server: %w", err)
		}
		all[key] = l.(*net.TCPListener)
	}
	return all, nil
}

// closeBut closes the sockets that are not in keep.
func (s sockets) closeBut(keep sockets) {
	for key, l := range s {
		if keep[key] == nil {
			l.Close()
		}
	}
}

// listeners returns a listener on each socket that can be closed without closing the socket.
func (s sockets) listeners() ([]net.Listener, error) {
	var all []net.Listener
	for _, l := range s {
		f, err := l.File()
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		shared, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, shared)
	}
	return all, nil
}

func closeAll(all []net.Listener) error {
	var err error
	for _, l := range all {
		err = errors.Join(err, l.Close())
	}
	return err
}
