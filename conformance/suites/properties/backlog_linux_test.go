package properties

import (
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/facade"
)

// TestBacklog asks the system for the limit of the queue of the listening socket.
func TestBacklog(t *testing.T) {
	for _, tt := range []struct {
		id string
		n  int // 0 leaves the default
	}{
		{"prop.connection-backlog.default-five", 0},
		{"prop.connection-backlog.applied", 1},
		{"prop.connection-backlog.applied", 17},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d, want := facade.New(t), 5
			if tt.n > 0 {
				want = tt.n
				facade.Must(t, d.SetConnectionBacklog(tt.n))
			}
			if got := d.ConnectionBacklog(); got != want {
				t.Errorf("ConnectionBacklog is %d", got)
			}
			fd := facade.Socket(t, facade.Listen(t, d), "")
			// Of a listening socket, these fields are the length of the queue and its limit.
			info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			facade.Must(t, err)
			if info.Sacked != uint32(want) {
				t.Errorf("the system has %d, want %d", info.Sacked, want)
			}
			facade.Refused(t, d, "a queue of 0", d.SetConnectionBacklog(0), invalid)
		})
	}
}
