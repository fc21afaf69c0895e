package access

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/gatehoused/internal/child"
	"gatehouse/sshd"
)

// internalSFTPName is the command that stands for the SFTP server in this program.
const internalSFTPName = "internal-sftp"

// sftpFlags has the options of sftp-server(8) that are served. Those about its log say
// nothing that ours would not have.
var sftpFlags = map[string]struct {
	arg bool
	set func(*child.SFTP, string)
}{
	"-R": {false, func(o *child.SFTP, _ string) { o.ReadOnly = true }},
	"-d": {true, func(o *child.SFTP, dir string) { o.Dir = dir }},
	"-e": {false, func(*child.SFTP, string) {}},
	"-f": {true, func(*child.SFTP, string) {}},
	"-l": {true, func(*child.SFTP, string) {}},
}

// internalSFTP reads a command that means the SFTP server in this program; ok is false for
// any other. An option that is not served is an error: it may be a restriction.
func internalSFTP(line string) (o child.SFTP, ok bool, err error) {
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != internalSFTPName {
		return o, false, nil
	}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		flag, known := sftpFlags[words[0]]
		if !known {
			return o, true, fmt.Errorf("%s: option %q is not supported", internalSFTPName, words[0])
		}
		arg := ""
		if flag.arg {
			if words = words[1:]; len(words) == 0 {
				return o, true, errors.New(internalSFTPName + ": argument is missing")
			}
			arg = words[0]
		}
		flag.set(&o, arg)
	}
	if strings.Contains(o.Dir, "%") {
		return o, true, errors.New(internalSFTPName + ": tokens in -d are not supported")
	}
	return o, true, nil
}

func (v *visit) serveSFTP(s *sshd.Session, o child.SFTP) {
	status := 0
	if err := v.host.ServeSFTP(s, o); err != nil {
		status = 1
	}
	s.Exit(status)
}
