//go:build unix

package config

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestSecretOfDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("from fd\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	fd, err := syscall.Dup(int(r.Fd())) // Read closes it
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSecret(fmt.Sprintf("fd:%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Read(); err != nil || string(got) != "from fd" {
		t.Errorf("%s: %q, %v", s, got, err)
	}
}
