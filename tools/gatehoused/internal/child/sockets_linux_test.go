package child

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A child that is started while another's sockets are being made gets none of them: whoever
// has the server's end can have things done as the other user.
func TestPairsAreNeverInherited(t *testing.T) {
	sockets := strings.Count(inherited(t), "socket:") // that the test was started with
	done := make(chan struct{})
	var making sync.WaitGroup
	for range 4 {
		making.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a, b, err := pair()
				if err != nil {
					t.Error(err)
					return
				}
				a.Close()
				b.Close()
			}
		})
	}
	for range 50 {
		if out := inherited(t); strings.Count(out, "socket:") > sockets {
			t.Errorf("inherited:\n%s", out)
			break
		}
	}
	close(done)
	making.Wait()
}

// inherited lists the descriptors of a program that this one starts.
func inherited(t *testing.T) string {
	out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

// A child could pass a socket on to a service that takes what the server writes for root's.
func TestSocketsOfOthersAreRefused(t *testing.T) {
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	netlink := os.NewFile(uintptr(fd), "netlink")
	defer netlink.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	me := uint32(os.Getuid())
	for name, tt := range map[string]struct {
		file *os.File
		uid  uint32
		ok   bool
	}{"own": {a, me, true}, "another's": {a, me + 1, false}, "netlink": {netlink, me, false}, "pipe": {r, me + 1, true}} {
		if err := ownSockets([]*os.File{tt.file}, tt.uid); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
