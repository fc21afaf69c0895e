package conformance

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// order is the one direction of imports. "a < b" means that b may import a and everything
// that a may import. Packages are named by folder; the more exact name wins over one with a
// star. A package that no name fits fails the test: say here where it belongs.
const order = `
	keyfmt/sshwire < keyfmt/internal/* < keyfmt/pbes < keyfmt/* < keyfmt
	keyfmt/internal/* < keyfmt/internal/*

	keyfmt < certstore/internal/* < certstore < certstore/*

	keyfmt/sshwire < sshd/internal/msg
	sshd/internal/packet, sshd/internal/umac, sshd/internal/inflate, keyfmt/sshwire < sshd/internal/alg
	sshd/internal/sntrup761 < sshd/internal/kex
	sshd/internal/msg, sshd/internal/alg < sshd/internal/kex, sshd/internal/auth, sshd/internal/mux
	sshd/internal/kex, sshd/internal/auth, sshd/internal/mux < sshd/internal/engine < sshd/internal/transport
	sshd/internal/transport, certstore < sshd
	sshd < sshd/session, sshd/sftp, sshd/forward, sshd/x509auth < sshd/daemon

	keyfmt, certstore, certstore/* < tools/certtool/internal/* < tools/certtool
	tools/certtool/internal/* < tools/certtool/internal/*
	sshd, sshd/session, sshd/sftp, sshd/forward, certstore, certstore/* < tools/gatehoused/internal/* < tools/gatehoused
	tools/gatehoused/internal/* < tools/gatehoused/internal/*
	certstore/*, sshd/internal/codepage, sshd/internal/oserr < sshd/daemon

	conformance/catalogue, conformance/junit < conformance/cover < conformance/cmd/*
	conformance/peer, conformance/junit < conformance/protocol
	conformance/protocol, keyfmt < conformance/cmd/*
	sshd < conformance/interop/proven < conformance/cmd/*
	keyfmt, certstore, sshd/daemon, conformance/cover, conformance/protocol < conformance < conformance/suites/*, conformance/interop, conformance/interop/*, conformance/interop/clients/*
	conformance/suites
`

// testOnly are packages that tests share; no other code may import them.
var testOnly = []string{"keyfmt/testkeys", "keyfmt/internal/test*", "certstore/storetest", "conformance/programs", "conformance/suites/ourserver", "conformance/suites/ourdaemon", "conformance/suites/facade", "conformance/interop/server", "conformance/interop/clients"}

// pure are the packages that decide: message or call in, effects out. They open nothing,
// wait for nothing, read no clock and log nothing.
var pure = map[string][]string{
	"sshd/internal/msg":    ioPackages,
	"sshd/internal/packet": ioPackages,
	"sshd/internal/alg":    ioPackages,
	"sshd/internal/kex":    ioPackages,
	"sshd/internal/auth":   ioPackages,
	"sshd/internal/mux":    ioPackages,
	"sshd/internal/engine": ioPackages,
	"keyfmt":               filePackages,
	"keyfmt/*":             filePackages,
	"keyfmt/internal/*":    filePackages,
}

var (
	filePackages = []string{"net", "net/http", "os", "os/exec", "io/ioutil", "log", "log/slog", "syscall", "plugin"}
	ioPackages   = append([]string{"time", "context", "unsafe"}, filePackages...)
)

// The peer shares no code with what it tests.
func TestPeerIsIndependent(t *testing.T) {
	peer := packages(t)["conformance/peer"]
	if peer == nil {
		t.Fatal("no package conformance/peer")
	}
	ours := modules(t)
	for _, dep := range list(t, nil, "-deps", peer.ImportPath) {
		if dep.ImportPath == peer.ImportPath {
			continue
		}
		if dep.ImportPath == "golang.org/x/crypto/ssh" || slices.ContainsFunc(ours, func(m string) bool { return within(dep.ImportPath, m) }) {
			t.Errorf("conformance/peer depends on %s", dep.ImportPath)
		}
	}
}

func TestImportOrder(t *testing.T) {
	may, names := parseOrder(order)
	all := packages(t)
	byPath := map[string]string{}
	for folder, p := range all {
		byPath[p.ImportPath] = folder
	}
	for folder, p := range all {
		name := nameOf(names, folder)
		if name == "" && !isTestOnly(folder) {
			t.Errorf("%s: the import order has no place for this package", folder)
			continue
		}
		for _, imp := range p.Imports {
			lower, isOurs := byPath[imp]
			if !isOurs || isTestOnly(folder) {
				continue
			}
			if isTestOnly(lower) || !may[name][nameOf(names, lower)] {
				t.Errorf("%s imports %s, against the import order", folder, lower)
			}
		}
	}
}

// A stars-and-less-than line means what its comment says; without this a mistake in
// parseOrder would allow everything.
func TestParseOrder(t *testing.T) {
	may, names := parseOrder("a < b, c/* < d\nb < e\nc/* < c/*")
	tests := []struct {
		upper, lower string
		want         bool
	}{
		{"b", "a", true}, {"d", "a", true}, {"d", "c/x", true}, {"e", "a", true}, {"c/x", "c/y", true},
		{"a", "b", false}, {"b", "c/x", false}, {"e", "d", false}, {"b", "b", false}, {"e", "c/x", false},
	}
	for _, tt := range tests {
		if got := may[nameOf(names, tt.upper)][nameOf(names, tt.lower)]; got != tt.want {
			t.Errorf("%s may import %s: %v, want %v", tt.upper, tt.lower, got, tt.want)
		}
	}
}

func TestPurity(t *testing.T) {
	var names []string
	for name := range pure {
		names = append(names, name)
	}
	for folder, p := range packages(t) {
		if isTestOnly(folder) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(pure[nameOf(names, folder)], imp) {
				t.Errorf("%s imports %s; it has to stay free of I/O", folder, imp)
			}
		}
	}
}

// Only the PKCS#11 driver may need a C compiler.
func TestCgo(t *testing.T) {
	for folder, p := range packages(t) {
		if len(p.CgoFiles) > 0 && folder != "certstore/pkcs11" {
			t.Errorf("%s uses cgo: %v", folder, p.CgoFiles)
		}
	}
}

// A program that imports a lower module is not made to carry what the upper ones need.
func TestLowerModulesStayLight(t *testing.T) {
	heavy := map[string][]string{
		"keyfmt":    {"github.com/pkg/sftp", "github.com/creack/pty", "github.com/miekg/pkcs11"},
		"certstore": {"github.com/pkg/sftp", "github.com/creack/pty", "github.com/miekg/pkcs11"},
	}
	for folder, refused := range heavy {
		p := packages(t)[folder]
		if p == nil {
			t.Errorf("no package %s", folder)
			continue
		}
		for _, dep := range list(t, nil, "-deps", p.ImportPath) {
			if slices.Contains(refused, dep.ImportPath) {
				t.Errorf("%s depends on %s", folder, dep.ImportPath)
			}
			if len(dep.CgoFiles) > 0 && !dep.Standard {
				t.Errorf("%s depends on %s, which uses cgo", folder, dep.ImportPath)
			}
		}
	}
}

// parseOrder returns what each name may import, and all names.
func parseOrder(text string) (may map[string]map[string]bool, names []string) {
	below := map[string][]string{} // direct edges
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var lower []string
		for _, part := range strings.Split(line, "<") {
			var upper []string
			for _, name := range strings.Split(part, ",") {
				name = strings.TrimSpace(name)
				upper = append(upper, name)
				below[name] = append(below[name], lower...)
			}
			lower = upper
		}
	}
	may = map[string]map[string]bool{}
	for name := range below {
		names = append(names, name)
		may[name] = map[string]bool{}
		reach(below, name, may[name])
	}
	return may, names
}

// reach adds to seen everything below name.
func reach(below map[string][]string, name string, seen map[string]bool) {
	for _, lower := range below[name] {
		if !seen[lower] {
			seen[lower] = true
			reach(below, lower, seen)
		}
	}
}

// nameOf finds the name that fits a folder, the exact one first; "" if none does.
func nameOf(names []string, folder string) string {
	if slices.Contains(names, folder) {
		return folder
	}
	for _, name := range names {
		if ok, _ := path.Match(name, folder); ok {
			return name
		}
	}
	return ""
}

func isTestOnly(folder string) bool { return nameOf(testOnly, folder) != "" }

// within reports whether an import path lies in a module.
func within(importPath, module string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}
