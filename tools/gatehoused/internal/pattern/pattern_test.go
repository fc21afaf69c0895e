package pattern

import (
	"net/netip"
	"path"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true},
		{"?", "", false}, {"?", "a", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"*.example.com", "x.example.com", true}, {"*.example.com", "example.com", false},
		{"**a**", "bab", true}, {"a?c*", "abc", true}, {"LC_*", "LC_ALL", true}, {"LC_*", "lc_all", false},
		{"[a]", "a", false}, {`\*`, "*", false},
	}
	for _, tt := range tests {
		if got := Match(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

func TestManyStarsStayCheap(t *testing.T) {
	start := time.Now()
	Match(strings.Repeat("a*", 1000)+"b", strings.Repeat("a", 10000))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("match took %v", d)
	}
}

func TestLists(t *testing.T) {
	tests := []struct {
		list, s string
		want    bool
	}{
		{"alice,bob", "bob", true}, {"alice,bob", "eve", false},
		{"*,!eve", "eve", false}, {"!eve,*", "eve", false}, {"!eve,*", "bob", true},
		{"!eve", "bob", false}, {"", "bob", false}, {"a,,b", "", true},
	}
	for _, tt := range tests {
		if got := List(tt.list, tt.s); got != tt.want {
			t.Errorf("List(%q, %q) = %v, want %v", tt.list, tt.s, got, tt.want)
		}
	}
	if !Fold("*.Example.com", "A.eXample.COM") {
		t.Error("host names were compared with regard to case")
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		list, addr string
		want       bool
	}{
		{"192.0.2.0/24", "192.0.2.7", true}, {"192.0.2.0/24", "192.0.3.7", false},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"192.0.2.*", "192.0.2.7", true}, {"192.0.2.?", "192.0.2.10", false},
		{"0.0.0.0/0,!192.0.2.7", "192.0.2.7", false}, {"!192.0.2.0/24,*", "198.51.100.1", true},
		{"2001:db8::/32", "2001:db8::1", true}, {"2001:DB8::1", "2001:db8::1", true},
		{"fe80::/10", "fe80::1%eth0", true}, {"::/0", "192.0.2.7", false},
	}
	for _, tt := range tests {
		if err := CheckAddresses(tt.list); err != nil {
			t.Errorf("CheckAddresses(%q): %v", tt.list, err)
		}
		if got := Address(tt.list, netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("Address(%q, %s) = %v, want %v", tt.list, tt.addr, got, tt.want)
		}
	}
	if Address("*", netip.Addr{}) {
		t.Error("an address that is not known matched")
	}
	for _, list := range []string{"", "192.0.2.0/33", "192.0.2.1/24", "a/b", "!x/y", "1.2.3.4,"} {
		if CheckAddresses(list) == nil {
			t.Errorf("CheckAddresses(%q) passed", list)
		}
	}
}

func TestHost(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.7")
	tests := []struct {
		list, name string
		want       bool
	}{
		{"*.example.com", "a.example.com", true}, {"*.example.com", "", false},
		{"192.0.2.0/24", "a.example.com", true}, {"*.example.com,!192.0.2.7", "a.example.com", false},
		{"192.0.2.0/24,!bad.example.com", "bad.example.com", false},
	}
	for _, tt := range tests {
		if got := Host(tt.list, tt.name, addr); got != tt.want {
			t.Errorf("Host(%q, %q) = %v, want %v", tt.list, tt.name, got, tt.want)
		}
	}
}

// The standard library's matcher has the same two wildcards, and brackets, backslashes and
// slashes besides.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*?*", "")
	f.Add("**", "x")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		got := Match(pattern, s)
		if len(pattern)+len(s) > 200 || strings.ContainsAny(pattern+s, `[\/`) || !ascii(pattern+s) {
			return
		}
		if want, err := path.Match(pattern, s); err == nil && got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
