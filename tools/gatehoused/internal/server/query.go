package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/certstore"
	"gatehouse/sshd"
)

// queries has a row for each word of -Q.
var queries = map[string]func() []string{
	"cipher":      algorithms(sshd.Cipher),
	"mac":         algorithms(sshd.MAC),
	"kex":         algorithms(sshd.KeyExchange),
	"key":         algorithms(sshd.HostKeyAlgorithm, sshd.PublicKeyAlgorithm),
	"compression": algorithms(sshd.Compression),
	"profile": func() []string {
		var names []string
		for _, p := range sshd.Profiles() {
			names = append(names, string(p))
		}
		return names
	},
	"store": func() []string {
		var lines []string
		for _, t := range certstore.Types() {
			lines = append(lines, fmt.Sprintf("%d %s", t.Type, t.Title))
		}
		return lines
	},
}

// algorithms lists the names of the rows of some kinds, each once.
func algorithms(kinds ...sshd.AlgorithmKind) func() []string {
	return func() []string {
		var names []string
		for _, kind := range kinds {
			for _, a := range sshd.Algorithms(kind) {
				if !slices.Contains(names, a.Name) {
					names = append(names, a.Name)
				}
			}
		}
		return names
	}
}

// query prints what there is of something.
func (s *Server) query(what string) error {
	list := queries[strings.ToLower(what)]
	if list == nil {
		words := slices.Sorted(maps.Keys(queries))
		return fmt.Errorf("server: query: %q is none of %s", what, strings.Join(words, ", "))
	}
	for _, line := range list() {
		fmt.Fprintln(s.Stdout, line)
	}
	return nil
}
