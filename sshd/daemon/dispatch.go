package daemon

import (
	"sync"
	"time"
)

// A dispatcher runs handlers: at once, on the goroutine of the connection, or in pull
// mode when DoEvents is called. A connection waits for its handler in both, so that no
// more than one event of each waits.
type dispatcher struct {
	mu      sync.Mutex
	pull    bool
	closed  bool // nobody will call DoEvents any more
	waiting []*task
	arrived chan struct{} // has room for one; filled when a task waits
}

// A task is an event that waits for DoEvents.
type task struct {
	handle func()
	done   chan struct{}
}

func newDispatcher() *dispatcher { return &dispatcher{arrived: make(chan struct{}, 1)} }

// run has an event handled and returns when that is done.
func (p *dispatcher) run(handle func()) {
	t := &task{handle, make(chan struct{})}
	p.mu.Lock()
	pull, closed := p.pull, p.closed
	if pull && !closed {
		p.waiting = append(p.waiting, t)
	}
	p.mu.Unlock()
	switch {
	case !pull:
		handle()
		return
	case closed:
		return
	}
	select {
	case p.arrived <- struct{}{}:
	default:
	}
	<-t.done
}

// process handles what waits, and reports whether that was anything. Events that handling
// them causes are left to the next call, which bounds this one.
func (p *dispatcher) process() bool {
	p.mu.Lock()
	tasks := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	for i, t := range tasks {
		p.handle(t, tasks[i+1:])
	}
	return len(tasks) > 0
}

// handle runs one task. If its handler panics, the others are not lost.
func (p *dispatcher) handle(t *task, others []*task) {
	finished := false
	defer func() {
		close(t.done)
		if !finished {
			p.mu.Lock()
			p.waiting = append(others, p.waiting...)
			p.mu.Unlock()
		}
	}()
	t.handle()
	finished = true
}

// await processes, after waiting up to d if there is nothing to do.
func (p *dispatcher) await(d time.Duration) {
	if p.process() {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-p.arrived:
			if p.process() {
				return
			}
		case <-timer.C:
			return
		}
	}
}

// setPull changes the mode. Leaving pull mode handles what waits.
func (p *dispatcher) setPull(on bool) {
	p.mu.Lock()
	left := p.pull && !on
	p.pull = on
	p.mu.Unlock()
	if left {
		go p.process() // ends with the handlers; whoever turns the mode off does not wait for them
	}
}

// close drops what waits for DoEvents, now and later.
func (p *dispatcher) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, t := range p.waiting {
		close(t.done)
	}
	p.waiting = nil
}

// DoEvents handles the events that wait and returns. If there are none it waits for one,
// for as long as the setting SelectWaitMillis says. In the default mode events need no
// call of it.
func (d *Daemon) DoEvents() {
	d.dispatch.await(time.Duration(d.settings().selectWait) * time.Millisecond)
	d.report(nil)
}
