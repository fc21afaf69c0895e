package clients

import (
	"os/exec"
	"strings"

	"gatehouse/conformance/interop/server"
	"gatehouse/sshd"
)

// opensshLists are the lists of ssh's options and what ssh -Q calls them.
var opensshLists = []struct {
	option, query string
	kind          sshd.AlgorithmKind
}{
	{"Ciphers", "cipher", sshd.Cipher},
	{"MACs", "mac", sshd.MAC},
	{"KexAlgorithms", "kex", sshd.KeyExchange},
	{"HostKeyAlgorithms", "HostKeyAlgorithms", sshd.HostKeyAlgorithm},
}

// Options are those of ssh, sftp and scp that make them depend on nothing of the user's,
// know the server's keys, and log in with a key or its certificate.
func Options(keys, algorithm, port string, more ...string) []string {
	certificate := server.CertificateOf(algorithm)
	list := []string{
		"Port=" + port, "User=" + server.User, "IdentityFile=" + keys + "/" + server.KeyOf(algorithm), "IdentitiesOnly=yes", "IdentityAgent=none",
		"BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=" + keys + "/known_hosts",
		"GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "LogLevel=ERROR",
	}
	if certificate != "" {
		list = append(list, "CertificateFile="+keys+"/"+certificate, "PubkeyAcceptedAlgorithms="+algorithm+","+server.Plain(algorithm))
	} else {
		list = append(list, "CertificateFile=none", "PubkeyAcceptedAlgorithms="+algorithm)
	}
	args := []string{"-F", "none"}
	for _, option := range append(more, list...) { // the first value of an option counts
		args = append(args, "-o", option)
	}
	return args
}

// Everything are the options with which OpenSSH offers all that it has.
func Everything() []string {
	options := []string{"Compression=yes"}
	for _, l := range opensshLists {
		out, err := exec.Command("ssh", "-Q", l.query).Output()
		if err != nil {
			continue // the client then offers its defaults
		}
		options = append(options, l.option+"="+strings.Join(strings.Fields(string(out)), ","))
	}
	return options
}

func openssh(j *Job) *exec.Cmd {
	args := Options(j.keys, j.Algorithm, j.Server.Port, Everything()...)
	return command(join([]string{"ssh"}, args, []string{j.Server.Host, j.Command})...)
}

func opensshFiles(j *Job) *exec.Cmd {
	args := Options(j.keys, j.Algorithm, j.Server.Port, Everything()...)
	cmd := command(join([]string{"sftp"}, args, []string{"-b", "-", j.Server.Host})...)
	cmd.Stdin = strings.NewReader(copyBatch(j))
	return cmd
}

// copyBatch is a job in the language of sftp and psftp.
func copyBatch(j *Job) string {
	return "put " + j.In + " " + j.Remote + "\nget " + j.Remote + " " + j.Out + "\n"
}
