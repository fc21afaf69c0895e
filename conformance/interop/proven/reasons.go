package proven

import "gatehouse/sshd"

// reasons say why no client proves an algorithm, and what does instead.
var reasons = map[sshd.AlgorithmKind]map[string]string{}

// reason returns the reason for an algorithm, "" if there is none.
func reason(kind sshd.AlgorithmKind, name string) string { return reasons[kind][name] }
