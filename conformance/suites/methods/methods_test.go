// Package methods proves what is documented of the methods of the component.
package methods

import (
	"fmt"
	"testing"

	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// indexed reads the entry of a setting.
func indexed(t testing.TB, d *daemon.Daemon, name string, index int) string {
	t.Helper()
	return facade.Get(t, d, fmt.Sprintf("%s[%d]", name, index))
}
