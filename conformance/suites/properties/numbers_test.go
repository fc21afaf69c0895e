package properties

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestNumbers: each documented number means its property, and no other number means any.
func TestNumbers(t *testing.T) {
	cover.Covers(t, "prop.ids.numeric-table", "method.api.get", "method.api.set")
	d := facade.New(t)
	facade.Must(t, d.SetKeyboardInteractivePromptCount(2))
	c := login(t, d, facade.Listen(t, d))
	_, channel := c.session(t, d)
	number, err := strconv.Atoi(channel)
	facade.Must(t, err)
	host, err := d.SSHConnectionRemoteHost(c.id)
	facade.Must(t, err)
	port, err := d.SSHConnectionRemotePort(c.id)
	facade.Must(t, err)
	for _, tt := range []struct {
		id     daemon.PropertyID
		index  int
		want   any // what Get returns; nil if it can only be written
		assign any // what Set takes, and Get then returns; nil if it can only be read
	}{
		{1, 0, 1, nil}, {2, number, 0, nil}, {3, 0, channel, nil}, {4, number, nil, []byte("x")}, {5, number, true, nil},
		{6, number, 0, 9}, {7, number, "session", nil}, {8, 0, 5, 6}, {9, 0, 1, nil}, {10, c.id, true, nil},
		{12, c.id, "127.0.0.1", nil}, {13, c.id, host, nil}, {14, c.id, port, nil}, {15, c.id, 60, 50},
		{16, 0, "password,publickey", "password"}, {17, 0, 60, 40}, {18, 0, "", "message"}, {19, 0, 2, 3},
		{20, 1, false, true}, {21, 1, "", "prompt"}, {22, 0, true, nil}, {23, 0, "127.0.0.1", nil}, {24, 0, d.LocalPort(), nil},
		{26, 0, d.SSHCertEncoded(), nil}, {42, 0, d.SSHCertStore(), "OTHER"}, {43, 0, "", "password"}, {44, 0, facade.PEMBlob, 6}, {45, 0, "", nil},
		{53, 0, d.SSHCompressionAlgorithms(), "zlib"}, {54, 0, d.SSHEncryptionAlgorithms(), "aes256-ctr"},
	} {
		got, err := d.Get(tt.id, tt.index)
		if tt.want == nil {
			if !errors.Is(err, daemon.ErrWriteOnly) {
				t.Errorf("%d can be read: %v, %v", tt.id, got, err)
			}
		} else if got != tt.want || err != nil {
			t.Errorf("%d is %#v, %v; want %#v", tt.id, got, err, tt.want)
		}
		if tt.assign == nil {
			continue
		}
		facade.Must(t, d.Set(tt.id, tt.index, tt.assign))
		if got, err := d.Get(tt.id, tt.index); tt.want != nil && (got != tt.assign || err != nil) {
			t.Errorf("%d assigned %#v is %#v, %v", tt.id, tt.assign, got, err)
		}
	}
	for _, id := range []daemon.PropertyID{1, 2, 3, 5, 7, 9, 12, 13, 14} {
		if err := d.Set(id, 1, 1); !errors.Is(err, daemon.ErrReadOnly) {
			t.Errorf("%d can be written: %v", id, err)
		}
	}
	undocumented := []daemon.PropertyID{-1, 0, 11, 25, 55}
	for id := daemon.PropertyID(27); id <= 52; id++ {
		if id <= 41 || id >= 46 {
			undocumented = append(undocumented, id)
		}
	}
	for _, id := range undocumented {
		_, err := d.Get(id, 0)
		facade.Refused(t, d, fmt.Sprint("reading ", id), err, invalid)
		facade.Refused(t, d, fmt.Sprint("writing ", id), d.Set(id, 0, 1), invalid)
	}
}
