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
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/sshd/session"
)

const (
	// socketFD is the descriptor by which a child talks to the server.
	socketFD = 3
	// userMask is the file mode creation mask that programs and SFTP begin with.
	userMask = 0o022
	// maxRequests bounds what a child does at a time.
	maxRequests = 512
)

// Main is the program of a child. It returns its exit status.
func Main() int {
	conn, err := socket(os.NewFile(socketFD, "server"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "this is for the server's own use")
		return 2
	}
	unix.Umask(userMask)
	if err := serve(&wire{conn: conn}); err != nil {
		return 1
	}
	return 0
}

// socket makes a connection of a descriptor, which it closes.
func socket(f *os.File) (*net.UnixConn, error) {
	if f == nil {
		return nil, os.ErrInvalid
	}
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("child: not a local socket")
	}
	return u, nil
}

// A server is the child's side.
type server struct {
	wire *wire
	self Self

	mu        sync.Mutex
	processes map[uint64]*session.Process
	last      uint64
	cancels   map[uint64]context.CancelFunc // of requests under way
	sockets   map[string]bool               // paths that are listened on
}

// serve answers requests until the server closes the socket, then hangs up on all terminals
// and removes all sockets that are left.
func serve(w *wire) error {
	defer w.conn.Close()
	s := &server{wire: w, processes: map[uint64]*session.Process{}, cancels: map[uint64]context.CancelFunc{},
		sockets: map[string]bool{}}
	var h hello
	files, err := w.receive(&h)
	closeAll(files)
	if err != nil || h.Account == nil {
		return errors.Join(err, errors.New("child: no account"))
	}
	s.self.Account = h.Account
	defer s.hangUp()
	for {
		var q request
		files, err := w.receive(&q)
		closeAll(files)
		if err != nil {
			return err
		}
		if err := s.begin(&q); err != nil {
			return err
		}
	}
}

func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		if p.Pty != nil {
			p.Signal("HUP")
		}
	}
	for path := range s.sockets {
		os.Remove(path)
	}
}

// begin serves a request on a goroutine of its own, which ends with the reply.
func (s *server) begin(q *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Op == "" {
		if cancel := s.cancels[q.ID]; cancel != nil {
			cancel()
		}
		return nil
	}
	if len(s.cancels) >= maxRequests {
		return s.wire.send(&reply{ID: q.ID, Error: "too many requests"}, nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancels[q.ID] = cancel
	go s.finish(ctx, q)
	return nil
}

func (s *server) finish(ctx context.Context, q *request) {
	result, files, err := s.do(ctx, q)
	a := &reply{ID: q.ID}
	if err == nil {
		a.Result, err = json.Marshal(result)
	}
	if err != nil {
		a.Error = err.Error()
	}
	if err := s.wire.send(a, files); err != nil { // too long, or there are no descriptors left
		s.wire.send(&reply{ID: q.ID, Error: err.Error()}, nil) // a failure shows where the server's messages are read
	}
	closeAll(files)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels[q.ID]()
	delete(s.cancels, q.ID)
}

// handlers has a row for every request.
var handlers = map[string]func(*server, context.Context, json.RawMessage) (any, []*os.File, error){
	opStart:      handle((*server).start),
	opWait:       handle((*server).wait),
	opSignal:     handle((*server).signal),
	opSFTP:       handle((*server).sftp),
	opDial:       handle((*server).dial),
	opListen:     handle((*server).listen),
	opRemove:     handle((*server).remove),
	opFindKey:    handle((*server).findKey),
	opPrincipals: handle((*server).principals),
}

func handle[A, R any](f func(*server, context.Context, A) (R, []*os.File, error)) func(*server, context.Context, json.RawMessage) (any, []*os.File, error) {
	return func(s *server, ctx context.Context, raw json.RawMessage) (any, []*os.File, error) {
		var args A
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, nil, err
		}
		return f(s, ctx, args)
	}
}

func (s *server) do(ctx context.Context, q *request) (any, []*os.File, error) {
	h := handlers[q.Op]
	if h == nil {
		return nil, nil, fmt.Errorf("child: unknown request %q", q.Op)
	}
	return h(s, ctx, q.Args)
}

func (s *server) start(_ context.Context, a startArgs) (startResult, []*os.File, error) {
	p, err := s.self.Start(&session.Command{Line: string(a.Line), Client: as[string](a.Client), Env: as[string](a.Env), Pty: a.Pty})
	if err != nil {
		return startResult{}, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.processes[s.last] = p
	if p.Pty != nil {
		return startResult{s.last, true}, []*os.File{p.Pty}, nil
	}
	return startResult{s.last, false}, []*os.File{p.Stdin, p.Stdout, p.Stderr}, nil
}

func (s *server) process(n uint64) (*session.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.processes[n]
	if p == nil {
		return nil, errors.New("child: no such process")
	}
	return p, nil
}

func (s *server) wait(_ context.Context, n uint64) (session.Status, []*os.File, error) {
	p, err := s.process(n)
	if err != nil {
		return session.Status{}, nil, err
	}
	status, err := p.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.processes, n)
	return status, nil, err
}

func (s *server) signal(_ context.Context, a signalArgs) (none, []*os.File, error) {
	p, err := s.process(a.Process)
	if err == nil {
		err = p.Signal(a.Name)
	}
	return none{}, nil, err
}

// sftp serves one end of a pair of sockets until the server closes the other.
func (s *server) sftp(_ context.Context, o SFTP) (none, []*os.File, error) {
	ours, theirs, err := pair()
	if err != nil {
		return none{}, nil, err
	}
	conn, err := socket(ours)
	if err != nil {
		theirs.Close()
		return none{}, nil, err
	}
	go func() { // ends with the stream
		s.self.ServeSFTP(conn, o)
		conn.Close()
	}()
	return none{}, []*os.File{theirs}, nil
}

// pair returns two connected sockets. The lock keeps them from a program that is started
// meanwhile, which may be another user's child.
func pair() (a, b *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("child: socket pair: %w", err)
	}
	for _, fd := range fds {
		unix.SetNonblock(fd, true)
	}
	return os.NewFile(uintptr(fds[0]), "pair"), os.NewFile(uintptr(fds[1]), "pair"), nil
}

// filer is a socket of package net.
type filer interface {
	File() (*os.File, error)
	Close() error
}

// pass turns a socket of package net into a file and closes the former.
func pass(socket any) ([]*os.File, error) {
	f, ok := socket.(filer)
	if !ok {
		return nil, errors.New("child: not a socket")
	}
	defer f.Close()
	file, err := f.File()
	if err != nil {
		return nil, err
	}
	return []*os.File{file}, nil
}

func (s *server) dial(ctx context.Context, a dialArgs) (none, []*os.File, error) {
	c, err := s.self.Dial(ctx, a.Network, string(a.Addr))
	if err != nil {
		return none{}, nil, err
	}
	if local, ok := c.(*net.UnixConn); ok {
		files, err := relay(local)
		return none{}, files, err
	}
	files, err := pass(c)
	return none{}, files, err
}

// relay returns a socket whose data this process copies to and from c: a service on this
// system may ask the kernel whose process has written to it, and must not hear the server's.
func relay(c *net.UnixConn) ([]*os.File, error) {
	ours, theirs, err := pair()
	if err != nil {
		c.Close()
		return nil, err
	}
	conn, err := socket(ours)
	if err != nil {
		theirs.Close()
		c.Close()
		return nil, err
	}
	var copying sync.WaitGroup
	for _, way := range [][2]*net.UnixConn{{conn, c}, {c, conn}} {
		copying.Go(func() { // ends with either side
			io.Copy(way[0], way[1])
			way[0].CloseWrite()
		})
	}
	go func() { // ends with the copying
		copying.Wait()
		conn.Close()
		c.Close()
	}()
	return []*os.File{theirs}, nil
}

func (s *server) listen(ctx context.Context, a listenArgs) (none, []*os.File, error) {
	a.Listen.Addr = string(a.Addr)
	l, err := s.self.Listen(ctx, a.Listen)
	if err != nil {
		return none{}, nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the server goes on listening
		s.mu.Lock()
		s.sockets[a.Listen.Addr] = true
		s.mu.Unlock()
	}
	files, err := pass(l)
	return none{}, files, err
}

func (s *server) remove(_ context.Context, path []byte) (none, []*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sockets[string(path)] {
		return none{}, nil, errors.New("child: not listened on")
	}
	delete(s.sockets, string(path))
	return none{}, nil, os.Remove(string(path))
}

func (s *server) findKey(ctx context.Context, q KeyQuery) (keyResult, []*os.File, error) {
	a, err := s.self.FindKey(ctx, q)
	r := keyResult{KeyAnswer: a}
	if a.Entry != nil {
		r.Command = []byte(a.Entry.Options.Command)
	}
	return r, nil, err
}

func (s *server) principals(ctx context.Context, q FileQuery) ([]string, []*os.File, error) {
	names, err := s.self.Principals(ctx, q)
	return names, nil, err
}
