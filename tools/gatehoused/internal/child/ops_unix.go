//go:build unix

package child

import (
	"encoding/json"

	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd"
)

// What the server can ask of a child. The first message is the account, as JSON; then come
// requests, which the child answers in any order.
const (
	opStart      = "start"      // startArgs -> number of the process; its files
	opWait       = "wait"       // number -> session.Status, when it has ended
	opSignal     = "signal"     // signalArgs
	opSFTP       = "sftp"       // SFTP -> a socket with an SFTP server behind it
	opDial       = "dial"       // dialArgs -> a connected socket
	opListen     = "listen"     // listenArgs -> a listening socket
	opRemove     = "remove"     // path, as bytes, of a socket that is no longer listened on
	opFindKey    = "find-key"   // KeyQuery -> keyResult
	opPrincipals = "principals" // FileQuery -> names
)

// A request is sent by the server.
type request struct {
	ID   uint64
	Op   string          // one of the above; "" takes back the request of that ID
	Args json.RawMessage `json:",omitempty"`
}

// A reply is sent by the child.
type reply struct {
	ID     uint64
	Error  string          `json:",omitempty"` // "" if it succeeded
	Result json.RawMessage `json:",omitempty"`
}

type hello struct{ Account *users.Account }

// startArgs is a session.Command. JSON would damage a string that is not UTF-8.
type startArgs struct {
	Line        []byte
	Client, Env [][]byte
	Pty         *sshd.Pty
}

// as translates lists of text to and from that form.
func as[To, From []byte | string](list []From) []To {
	out := make([]To, len(list))
	for i, s := range list {
		out[i] = To(s)
	}
	return out
}

type startResult struct {
	Process uint64
	Pty     bool
}

type signalArgs struct {
	Process uint64
	Name    string
}

type dialArgs struct {
	Network string
	Addr    []byte
}

// listenArgs has the address of the Listen.
type listenArgs struct {
	Listen
	Addr []byte
}

// keyResult has the command of the entry.
type keyResult struct {
	KeyAnswer
	Command []byte
}

type none struct{}
