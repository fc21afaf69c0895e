package sshd

import (
	"errors"
	"io"
	"net"

	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/transport"
)

// An End is a kind of reason for the end of a connection.
type End uint8

// The kinds.
const (
	EndProtocol End = iota // what came could not be understood or agreed on
	EndByClient            // the client said goodbye, or closed its side between two packets
	EndByServer            // Conn.Disconnect, Server.Close, or the context is done
	EndNetwork             // the socket failed
	EndTimeout             // silent for too long
	EndAuth                // too many attempts to authenticate
)

// EndOf classifies the error that Server.ServeConn returns and Events.Disconnected gets.
func EndOf(err error) End {
	var gone *engine.DisconnectedError
	var local *transport.LocalError
	var limit *auth.LimitError
	var network net.Error
	var op *transport.IOError
	switch {
	case errors.As(err, &gone):
		return EndByClient
	case errors.As(err, &local), errors.Is(err, ErrServerClosed):
		return EndByServer
	case errors.As(err, &limit):
		return EndAuth
	case errors.Is(err, engine.ErrHandshakeTimeout), errors.Is(err, engine.ErrIdleTimeout), errors.Is(err, engine.ErrKeepAlive),
		errors.As(err, &network) && network.Timeout():
		return EndTimeout
	case errors.Is(err, io.EOF):
		return EndByClient
	case errors.As(err, &op):
		return EndNetwork
	}
	return EndProtocol
}
