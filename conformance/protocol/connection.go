package protocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"gatehouse/conformance/peer"
)

// loggedIn wraps steps that begin with a user who is logged in.
func loggedIn(steps func(c *peer.Conn) error) func(ctx context.Context, t *Target) error {
	return func(ctx context.Context, t *Target) error {
		c, err := t.login(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		return steps(c)
	}
}

// connectionCases are RFC 4254, sections 4 and 5, without programs.
var connectionCases = []Case{
	{"rfc4254/4/unknown", "The server answers a global request that it does not know with FAILURE.", loggedIn(func(c *peer.Conn) error {
		ok, _, err := c.GlobalRequest("no-such-request@example.org", "data")
		if err != nil || ok {
			return &Unmet{"REQUEST_FAILURE", fmt.Sprintf("success %v, %v", ok, err)}
		}
		return nil
	})},
	{"rfc4254/4/no-reply-wanted", "The server does not answer a global request that wants no reply.", loggedIn(func(c *peer.Conn) error {
		if err := c.WritePacket(peer.Msg(peer.MsgGlobalRequest, "no-such-request@example.org", false)); err != nil {
			return err
		}
		if _, err := c.OpenChannel("session"); err != nil {
			return &Unmet{"no reply", err.Error()}
		}
		if c.Replies() != 0 {
			return &Unmet{"no reply", "one came"}
		}
		return nil
	})},
	{"rfc4254/5.1/unknown-type", "The server refuses a channel of an unknown type.", loggedIn(func(c *peer.Conn) error {
		_, err := c.OpenChannel("no-such-type@example.org")
		var refused *peer.Refused
		if !errors.As(err, &refused) {
			return &Unmet{"OPEN_FAILURE", fmt.Sprint(err)}
		}
		return nil
	})},
	{"rfc4254/5.1/many", "The server keeps several channels apart.", loggedIn(func(c *peer.Conn) error {
		var channels []*peer.Channel
		for range 3 {
			ch, err := c.OpenChannel("session")
			if err != nil {
				return &Unmet{"a channel", err.Error()}
			}
			channels = append(channels, ch)
		}
		if channels[0].RemoteID == channels[1].RemoteID || channels[1].RemoteID == channels[2].RemoteID {
			return &Unmet{"numbers of their own", "the same twice"}
		}
		return nil
	})},
	{"rfc4254/5.3/close", "The server answers CLOSE with CLOSE.", loggedIn(func(c *peer.Conn) error {
		ch, err := c.OpenChannel("session")
		if err != nil {
			return err
		}
		if err := ch.Close(); err != nil {
			return err
		}
		if _, _, err := ch.Wait(); err != nil {
			return &Unmet{"CLOSE", err.Error()}
		}
		return nil
	})},
	{"rfc4254/5.4/unknown", "The server answers a channel request that it does not know with FAILURE, and goes on.", loggedIn(func(c *peer.Conn) error {
		ch, err := c.OpenChannel("session")
		if err != nil {
			return err
		}
		for range 2 {
			if ok, err := ch.Request("no-such-request@example.org", "data"); err != nil || ok {
				return &Unmet{"CHANNEL_FAILURE", fmt.Sprintf("success %v, %v", ok, err)}
			}
		}
		return nil
	})},
}

// sessionCases run commands of a POSIX shell, in sessions of RFC 4254, section 6.
var sessionCases = []Case{
	{"rfc4254/5.2/window", "The server sends no more data than the window allows, and no message longer than the maximum.", loggedIn(window)},
	{"rfc4254/5.2/both-ways", "Data goes both ways unchanged, also through key exchanges.", loggedIn(bothWays)},
	{"rfc4254/5.2/stderr", "What a program writes to its standard error comes as extended data of type 1.", command("echo out; echo err >&2", func(ch *peer.Channel, out []byte, status uint32) error {
		if string(out) != "out\n" || string(ch.Stderr) != "err\n" {
			return &Unmet{`"out\n" and "err\n"`, fmt.Sprintf("%q and %q", out, ch.Stderr)}
		}
		return nil
	})},
	{"rfc4254/6.10/exit-status", "The server says with what status a program ended.", command("exit 3", func(_ *peer.Channel, _ []byte, status uint32) error {
		if status != 3 {
			return &Unmet{"exit-status 3", fmt.Sprint(status)}
		}
		return nil
	})},
}

// exec starts a command in a session.
func exec(ch *peer.Channel, line string) error {
	ok, err := ch.Request("exec", line)
	if err == nil && !ok {
		err = notApplicable("the server runs no commands")
	}
	return err
}

// execNew starts a command in a new session.
func execNew(c *peer.Conn, line string) (*peer.Channel, error) {
	ch, err := c.OpenChannel("session")
	if err != nil {
		return nil, err
	}
	return ch, exec(ch, line)
}

// command runs a command to its end and checks what came of it.
func command(line string, check func(ch *peer.Channel, out []byte, status uint32) error) func(ctx context.Context, t *Target) error {
	return loggedIn(func(c *peer.Conn) error {
		ch, err := execNew(c, line)
		if err != nil {
			return err
		}
		out, err := io.ReadAll(ch)
		if err != nil {
			return err
		}
		status, ok, err := ch.Wait()
		if err != nil {
			return err
		}
		if !ok {
			return &Unmet{"an exit-status", "none before CLOSE"}
		}
		return check(ch, out, status)
	})
}

// window gives the server little to send with and counts what comes.
func window(c *peer.Conn) error {
	const size, packet = 5000, 1000
	ch, err := c.OpenChannelSized(size, packet, "session")
	if err != nil {
		return err
	}
	ch.Faults.KeepWindowShut = true
	if err := exec(ch, "head -c 100000 /dev/zero"); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, ch, size); err != nil {
		return &Unmet{"as much as the window holds", err.Error()}
	}
	if _, _, err := c.GlobalRequest("no-such-request@example.org"); err != nil {
		return &Unmet{"no data beyond the window", err.Error()}
	}
	return nil
}

func bothWays(c *peer.Conn) error {
	ch, err := execNew(c, "cat")
	if err != nil {
		return err
	}
	data := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	for part := range slices.Chunk(data, len(data)/4) {
		if _, err := ch.Write(part); err != nil {
			return err
		}
		if err := c.Rekey(); err != nil {
			return &Unmet{"a key exchange", err.Error()}
		}
	}
	if err := ch.CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(ch)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return &Unmet{fmt.Sprintf("the same %d bytes", len(data)), fmt.Sprintf("%d bytes, or others", len(got))}
	}
	return nil
}
