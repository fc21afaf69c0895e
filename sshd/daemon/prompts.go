package daemon

import (
	"fmt"
	"strings"

	"gatehouse/sshd"
)

// parsePrompts reads "text,echo=true;text,echo=false". The echo part may be missing, and
// is then false; a text may hold commas, but no semicolon.
func parsePrompts(s string) ([]sshd.Prompt, error) {
	if s == "" {
		return nil, nil
	}
	var out []sshd.Prompt
	for _, part := range strings.Split(s, ";") {
		p := sshd.Prompt{Text: part}
		if i := strings.LastIndex(part, ",echo="); i >= 0 {
			p.Text = part[:i]
			switch echo := part[i+len(",echo="):]; strings.ToLower(strings.TrimSpace(echo)) {
			case "true":
				p.Echo = true
			case "false":
			default:
				return nil, fmt.Errorf("%w: echo=%q of a prompt", ErrBadValue, echo)
			}
		}
		out = append(out, p)
	}
	return out, nil
}
