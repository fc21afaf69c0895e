package child

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
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
