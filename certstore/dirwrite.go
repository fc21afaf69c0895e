package certstore

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/keyfmt"
)

// Put implements Writer. It makes the directory where there is none.
func (s *dirStore) Put(ctx context.Context, e *Entry) error {
	return storeError("put", s.typ, e.Alias, s.put(ctx, e))
}

func (s *dirStore) put(ctx context.Context, e *Entry) error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case s.certsOnly && e.HasKey():
		return fmt.Errorf("%w: certificates only", ErrKind)
	}
	if err := checkAlias(e.Alias); err != nil {
		return err
	}
	content, err := encodeEntry(e)
	if err != nil {
		return err
	}
	defer clear(content)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := s.checkDir(); err != nil {
		return err
	}
	path := filepath.Join(s.dir, e.Alias)
	if err := createFile(path, content); err != nil {
		return err
	}
	if e.SSHCert == nil {
		return nil
	}
	if err := s.putSSHCert(path+certSuffix, e); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// putSSHCert writes the OpenSSH certificate beside the key, replacing one that a removed
// key has left behind.
func (s *dirStore) putSSHCert(path string, e *Entry) error {
	line, err := keyfmt.Marshal(keyfmt.FormatSSHPublic, &keyfmt.Bundle{
		Items: []keyfmt.Item{{SSHCert: e.SSHCert, Comment: e.Comment}},
	}, nil)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return createFile(path, line)
}

// Delete implements Writer.
func (s *dirStore) Delete(ctx context.Context, alias string) error {
	return storeError("delete", s.typ, alias, s.remove(ctx, alias))
}

func (s *dirStore) remove(ctx context.Context, alias string) error {
	if s.closed.Load() {
		return ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if checkAlias(alias) == nil {
		path := filepath.Join(s.dir, alias)
		err := os.Remove(path)
		if err == nil {
			if err = os.Remove(path + certSuffix); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return errors.Join(err, syncDir(s.dir))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := s.Find(ctx, alias); err == nil {
		return ErrReadOnly
	}
	return ErrNotFound
}

// encodeEntry writes an entry as PEM: the key, then the certificates. A key without PKCS #8
// form (a security-key stub) is written as OpenSSH does.
func encodeEntry(e *Entry) ([]byte, error) {
	var b bytes.Buffer
	switch {
	case e.OpenKey != nil || e.Locked:
		return nil, fmt.Errorf("%w: its private key cannot be read", ErrKind)
	case e.Key != nil && e.Key.PKCS8 != nil:
		pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: e.Key.PKCS8})
	case e.Key != nil && e.Key.SSHPrivate != nil:
		out, err := keyfmt.Marshal(keyfmt.FormatOpenSSH, &keyfmt.Bundle{Items: []keyfmt.Item{e.Item}}, &keyfmt.MarshalOptions{AllowLoss: true})
		if err != nil {
			return nil, err
		}
		b.Write(out)
	case e.Key != nil && e.Key.SPKI != nil && len(e.Certs) == 0:
		pem.Encode(&b, &pem.Block{Type: "PUBLIC KEY", Bytes: e.Key.SPKI})
	case len(e.Certs) == 0:
		return nil, fmt.Errorf("%w: %s", ErrKind, e.Kind())
	}
	for _, c := range e.Certs {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes(), nil
}

// createFile writes a new file of mode 0600 that appears under its name only when it is
// whole and on disk. The name must be free: ErrExists.
func createFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	tmp, err := writeTemp(dir, content)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	case err != nil:
		return err
	}
	return syncDir(dir)
}

// writeTemp writes a file of mode 0600 to disk, under a name of its own that it returns.
func writeTemp(dir string, content []byte) (path string, err error) {
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		os.Remove(tmp.Name())
		return "", err
	}
	return tmp.Name(), nil
}

// syncDir makes the names in a directory last. Systems that cannot do that for a
// directory refuse, which is no failure of the change.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	d.Sync()
	return d.Close()
}
