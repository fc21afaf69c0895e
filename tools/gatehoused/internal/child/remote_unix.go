//go:build unix

package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd"
	"gatehouse/sshd/session"
)

// Arg is the first argument of a child. main calls Main when it sees it.
const Arg = "--child"

// ErrGone says that the child has ended.
var ErrGone = errors.New("child: process has ended")

// A Child is a process that acts as a user.
type Child struct {
	wire *wire
	uid  uint32       // of the process
	wait func() error // for the end of the process
	kill func() error

	mu    sync.Mutex
	calls map[uint64]*call
	last  uint64
	gone  bool
	ended chan struct{} // closed when the process was waited for
}

// A call is a request that has no reply yet.
type call struct {
	done  chan struct{}
	reply reply
	files []*os.File
	left  bool // nobody waits any more
}

// Start starts a child with the ids of an account. The caller closes it.
func Start(a *users.Account) (*Child, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	conn, err := socket(ours)
	if err != nil {
		return nil, err
	}
	cmd := command(a)
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("child: start: %w", err)
	}
	return greet(conn, a, cmd.Wait, cmd.Process.Kill)
}

// greet makes a Child of a process that has just been started.
func greet(conn *net.UnixConn, a *users.Account, wait, kill func() error) (*Child, error) {
	c := &Child{wire: &wire{conn: conn}, uid: a.UID, wait: wait, kill: kill, calls: map[uint64]*call{}, ended: make(chan struct{})}
	go c.receive() // ends with the child
	if err := c.wire.send(&hello{a}, nil); err != nil {
		c.Close()
		return nil, fmt.Errorf("child: start: %w", err)
	}
	return c, nil
}

// command is this binary as the user, in a session of its own, with nothing of the
// server's environment.
func command(a *users.Account) *exec.Cmd {
	return &exec.Cmd{
		Path: executable(),
		Args: []string{"gatehoused", Arg},
		Env:  []string{},
		Dir:  "/",
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:     true,
			Credential: credential(a),
		},
	}
}

// credential is nil where the process has the ids already: only root may set groups.
func credential(a *users.Account) *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// receive hands out replies until the socket ends.
func (c *Child) receive() {
	for {
		var r reply
		files, err := c.wire.receive(&r)
		if err != nil || !c.deliver(&r, files) {
			break
		}
	}
	c.wire.conn.Close()
	c.mu.Lock()
	c.gone = true
	for id, k := range c.calls {
		delete(c.calls, id)
		k.reply.Error = ErrGone.Error()
		close(k.done)
	}
	c.mu.Unlock()
	c.wait()
	close(c.ended)
}

// deliver reports false for a reply to nothing, after which the child is not believed.
func (c *Child) deliver(r *reply, files []*os.File) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.calls[r.ID]
	if k == nil {
		closeAll(files)
		return false
	}
	delete(c.calls, r.ID)
	if k.left {
		closeAll(files)
		return true
	}
	k.reply, k.files = *r, files
	close(k.done)
	return true
}

// ask sends a request and waits for its reply. want is the number of files of a reply.
func ask[R any](ctx context.Context, c *Child, op string, args any, want ...int) (result R, files []*os.File, err error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return result, nil, err
	}
	k := &call{done: make(chan struct{})}
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return result, nil, ErrGone
	}
	c.last++
	id := c.last
	c.calls[id] = k
	c.mu.Unlock()
	if err := c.wire.send(&request{id, op, raw}, nil); err != nil {
		c.leave(id, k)
		return result, nil, errors.Join(ErrGone, err)
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		c.leave(id, k)
		c.wire.send(&request{ID: id}, nil)
		return result, nil, ctx.Err()
	}
	if k.reply.Error != "" {
		closeAll(k.files)
		return result, nil, fmt.Errorf("child: %s: %s", op, k.reply.Error)
	}
	if err := json.Unmarshal(k.reply.Result, &result); err != nil {
		closeAll(k.files)
		return result, nil, err
	}
	if err := ownSockets(k.files, c.uid); err != nil {
		closeAll(k.files)
		return result, nil, fmt.Errorf("child: %s: %w", op, err)
	}
	for _, n := range want {
		if n == len(k.files) {
			return result, k.files, nil
		}
	}
	closeAll(k.files)
	if len(want) > 0 {
		return result, nil, fmt.Errorf("child: %s: %d descriptors", op, len(k.files))
	}
	return result, nil, nil
}

// leave gives a call up. Files that came or will come are closed.
func (c *Child) leave(id uint64, k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.left = true
	if _, waiting := c.calls[id]; !waiting {
		closeAll(k.files)
	}
}

// Start implements session.Host.
func (c *Child) Start(cmd *session.Command) (*session.Process, error) {
	ctx := context.Background()
	args := startArgs{Line: []byte(cmd.Line), Client: as[[]byte](cmd.Client), Env: as[[]byte](cmd.Env), Pty: cmd.Pty}
	r, files, err := ask[startResult](ctx, c, opStart, args, 1, 3)
	if err != nil {
		return nil, err
	}
	p := &session.Process{
		Wait: func() (session.Status, error) {
			s, _, err := ask[session.Status](ctx, c, opWait, r.Process)
			return s, err
		},
		Signal: func(name string) error {
			_, _, err := ask[none](ctx, c, opSignal, signalArgs{r.Process, name})
			return err
		},
		Resize: func(sshd.Window) error { return nil },
	}
	switch {
	case r.Pty && len(files) == 1:
		p.Pty = files[0]
		p.Resize = func(w sshd.Window) error { return session.Resize(p.Pty, w) }
	case !r.Pty && len(files) == 3:
		p.Stdin, p.Stdout, p.Stderr = files[0], files[1], files[2]
	default:
		closeAll(files)
		return nil, fmt.Errorf("child: start: %d descriptors", len(files))
	}
	return p, nil
}

// ServeSFTP implements Host.
func (c *Child) ServeSFTP(rw io.ReadWriter, o SFTP) error {
	_, files, err := ask[none](context.Background(), c, opSFTP, o, 1)
	if err != nil {
		return err
	}
	conn, err := socket(files[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() { // ends with the client's input or the child's interest in it
		io.Copy(conn, rw)
		conn.CloseWrite()
	}()
	_, err = io.Copy(rw, conn)
	return err
}

// Dial implements Host.
func (c *Child) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	_, files, err := ask[none](ctx, c, opDial, dialArgs{network, []byte(addr)}, 1)
	if err != nil {
		return nil, err
	}
	defer files[0].Close()
	return net.FileConn(files[0])
}

// Listen implements Host.
func (c *Child) Listen(ctx context.Context, l Listen) (net.Listener, error) {
	_, files, err := ask[none](ctx, c, opListen, listenArgs{l, []byte(l.Addr)}, 1)
	if err != nil {
		return nil, err
	}
	defer files[0].Close()
	nl, err := net.FileListener(files[0])
	if err != nil || l.Network != "unix" {
		return nl, err
	}
	return &namedListener{Listener: nl, remove: func() { ask[none](context.Background(), c, opRemove, []byte(l.Addr)) }}, nil
}

// A namedListener removes the name of its socket, which takes the user's rights.
type namedListener struct {
	net.Listener
	remove func()
	once   sync.Once
}

func (l *namedListener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { go l.remove() }) // ends with the reply or the child
	return err
}

// FindKey implements Host.
func (c *Child) FindKey(ctx context.Context, q KeyQuery) (KeyAnswer, error) {
	r, _, err := ask[keyResult](ctx, c, opFindKey, q)
	if r.Entry != nil {
		r.Entry.Options.Command = string(r.Command)
	}
	return r.KeyAnswer, err
}

// Principals implements Host.
func (c *Child) Principals(ctx context.Context, q FileQuery) ([]string, error) {
	names, _, err := ask[[]string](ctx, c, opPrincipals, q)
	return names, err
}

// Close lets the child end, which hangs up on terminals that are left, and waits for it.
func (c *Child) Close() error {
	err := c.wire.conn.Close()
	kill := time.AfterFunc(endGrace, func() { c.kill() })
	defer kill.Stop()
	<-c.ended
	return err
}

// endGrace is how long a child may take to end.
const endGrace = 5 * time.Second

var (
	_ Host = Self{}
	_ Host = (*Child)(nil)
)
