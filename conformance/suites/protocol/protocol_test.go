// Package protocol puts our server to the requirements of the protocols.
package protocol

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/conformance/protocol"
	"gatehouse/conformance/suites/ourserver"
)

// Our server meets every requirement that we know of. A case that does not apply to it
// would prove nothing and has to be named here.
func TestRequirements(t *testing.T) {
	notApplicable := map[string]bool{
		"rfc4256/3.4/answer-count": true, // this server asks nothing by keyboard-interactive
	}
	target := &protocol.Target{
		Addr: ourserver.Start(t, ourserver.Config(t), nil), User: ourserver.User,
		Key: ourserver.Keys(t)["ed25519"], Timeout: 10 * time.Second,
	}
	t.Run("cases", func(t *testing.T) {
		for _, c := range protocol.Cases() {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				err := c.Run(context.Background(), target)
				if skipped := errors.Is(err, protocol.ErrNotApplicable); skipped != notApplicable[c.ID] {
					t.Fatalf("%s\nnot applicable: %v; %v", c.Requirement, skipped, err)
				} else if err != nil && !skipped {
					t.Fatalf("%s\n%v", c.Requirement, err)
				}
			})
		}
	})
}
