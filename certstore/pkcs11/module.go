//go:build cgo

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/certstore"
)

// A module is a PKCS #11 library that is loaded and initialised. There is one per file and
// process, because a library has one state per process; it is finalised when its last user
// releases it and stays loaded.
type module struct {
	path   string
	ctx    *p11.Ctx
	ours   bool // we initialised it, so we finalise it
	users  int
	tokens map[string]*token // by serial number and label
}

// modules guards the table and every field of the modules and of the table of their tokens.
var modules struct {
	sync.Mutex
	loaded map[string]*module
}

// loadModule returns the module of a file, which release gives back.
func loadModule(path string) (*module, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(real); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, certstore.ErrNotRegular
	}
	modules.Lock()
	defer modules.Unlock()
	m := modules.loaded[real]
	if m == nil {
		ctx := p11.New(real)
		if ctx == nil {
			return nil, fmt.Errorf("%w: not a PKCS #11 library", certstore.ErrWrongFormat)
		}
		m = &module{path: path, ctx: ctx, tokens: map[string]*token{}}
		if modules.loaded == nil {
			modules.loaded = map[string]*module{}
		}
		modules.loaded[real] = m
	}
	if m.users == 0 {
		err := m.ctx.Initialize()
		if err != nil && !errors.Is(err, p11.Error(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
			return nil, deviceError("initialize", err)
		}
		m.ours = err == nil
	}
	m.users++
	return m, nil
}

func (m *module) release() {
	modules.Lock()
	defer modules.Unlock()
	if m.users--; m.users == 0 && m.ours {
		m.ctx.Finalize()
	}
}

// A slot is a token that is present.
type slot struct {
	id   uint
	info p11.TokenInfo
}

func (m *module) slots() ([]slot, error) {
	ids, err := m.ctx.GetSlotList(true)
	if err != nil {
		return nil, deviceError("slots", err)
	}
	var list []slot
	for _, id := range ids {
		info, err := m.ctx.GetTokenInfo(id)
		if err == nil && info.Flags&p11.CKF_TOKEN_INITIALIZED != 0 {
			list = append(list, slot{id, info})
		}
	}
	return list, nil
}

func (m *module) uri(info *p11.TokenInfo) URI {
	return URI{
		Model:        info.Model,
		Manufacturer: info.ManufacturerID,
		Serial:       info.SerialNumber,
		Token:        info.Label,
		ModulePath:   m.path,
	}
}

// findSlot returns the only token that a URI names. A serial number decides alone, since
// labels change; a PIN must never be tried on a token that was not meant.
func (m *module) findSlot(u *URI) (slot, error) {
	list, err := m.slots()
	if err != nil {
		return slot{}, err
	}
	var found []slot
	for _, s := range list {
		if matches(u, s) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return slot{}, fmt.Errorf("no such token: %w", certstore.ErrRemoved)
	}
	var names []string
	for _, s := range found {
		names = append(names, m.uri(&s.info).String())
	}
	return slot{}, fmt.Errorf("%w: several tokens, name one of %s", certstore.ErrLocation, strings.Join(names, " "))
}

func matches(u *URI, s slot) bool {
	same := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return same(u.Serial, s.info.SerialNumber) &&
		same(u.Manufacturer, s.info.ManufacturerID) &&
		same(u.Model, s.info.Model) &&
		same(u.SlotID, strconv.FormatUint(uint64(s.id), 10)) &&
		(u.Serial != "" || same(u.Token, s.info.Label))
}

// Tokens lists the tokens that a PKCS #11 library sees, as URIs without objects. No PIN is
// needed and none is tried.
func Tokens(ctx context.Context, library string) ([]URI, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := loadModule(library)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: tokens: %q: %w", library, err)
	}
	defer m.release()
	list, err := m.slots()
	if err != nil {
		return nil, err
	}
	var uris []URI
	for _, s := range list {
		uris = append(uris, m.uri(&s.info))
	}
	return uris, nil
}

// causes maps what a library returns to what callers tell apart.
var causes = map[p11.Error]error{
	p11.CKR_TOKEN_NOT_PRESENT:              certstore.ErrRemoved,
	p11.CKR_DEVICE_REMOVED:                 certstore.ErrRemoved,
	p11.CKR_TOKEN_NOT_RECOGNIZED:           certstore.ErrRemoved,
	p11.CKR_SLOT_ID_INVALID:                certstore.ErrRemoved,
	p11.CKR_SESSION_HANDLE_INVALID:         certstore.ErrRemoved,
	p11.CKR_SESSION_CLOSED:                 certstore.ErrRemoved,
	p11.CKR_CRYPTOKI_NOT_INITIALIZED:       certstore.ErrClosed,
	p11.CKR_PIN_LOCKED:                     certstore.ErrPINLocked,
	p11.CKR_PIN_INCORRECT:                  errWrongPIN,
	p11.CKR_PIN_INVALID:                    errWrongPIN,
	p11.CKR_PIN_LEN_RANGE:                  errWrongPIN,
	p11.CKR_PIN_EXPIRED:                    errExpired,
	p11.CKR_USER_PIN_NOT_INITIALIZED:       errNoPIN,
	p11.CKR_MECHANISM_INVALID:              errMechanism,
	p11.CKR_MECHANISM_PARAM_INVALID:        errMechanism,
	p11.CKR_KEY_TYPE_INCONSISTENT:          errMechanism,
	p11.CKR_KEY_FUNCTION_NOT_PERMITTED:     errMechanism,
	p11.CKR_USER_NOT_LOGGED_IN:             errNotLoggedIn,
	p11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN: fs.ErrPermission,
}

// deviceError adds the operation and the cause to an error of a library.
func deviceError(op string, err error) error {
	var code p11.Error
	if !errors.As(err, &code) {
		return err
	}
	if cause := causes[code]; cause != nil {
		return fmt.Errorf("%s: %w (CKR 0x%X)", op, cause, uint(code))
	}
	return fmt.Errorf("%s: %w", op, err)
}
