package daemon

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/codepage"
	"gatehouse/sshd/internal/msg"
)

// Causes of a failed GetSSHParam or SetSSHParam.
var (
	ErrUnknownField = errors.New("unknown field")
	ErrUnknownType  = errors.New("unknown field type")
	ErrBadValue     = errors.New("value does not fit its type")
	ErrBadPayload   = errors.New("payload does not have this layout")
)

// A fieldType is a type of a field, by the letters that the two methods take.
type fieldType struct {
	letters string
	read    func(r *sshwire.Reader) []byte // the field's raw bytes
	text    func(raw []byte, page *codepage.Page) (string, error)
	append  func(payload []byte, value string, page *codepage.Page) ([]byte, error)
}

// fieldTypes has a row for every type.
var fieldTypes = []*fieldType{
	{"s", readString, decodeText, appendText},
	{"sb", readString, func(raw []byte, _ *codepage.Page) (string, error) {
		return strings.ToUpper(hex.EncodeToString(raw)), nil
	}, appendHex},
	{"m", readString, mpintText, appendMpint},
	{"i", readBytes(4), integerText, appendInteger(32)},
	{"l", readBytes(8), integerText, appendInteger(64)},
	{"b", readBytes(1), integerText, appendInteger(8)},
	{"f", readBytes(1), boolText, appendBool},
}

func typeOf(letters string) (*fieldType, error) {
	for _, t := range fieldTypes {
		if t.letters == strings.ToLower(strings.TrimSpace(letters)) {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownType, letters)
}

func readString(r *sshwire.Reader) []byte { return r.String() }

func readBytes(n int) func(*sshwire.Reader) []byte {
	return func(r *sshwire.Reader) []byte { return r.Bytes(n) }
}

func decodeText(raw []byte, page *codepage.Page) (string, error) { return page.Decode(raw) }

func mpintText(raw []byte, _ *codepage.Page) (string, error) {
	n := new(big.Int).SetBytes(raw)
	if len(raw) > 0 && raw[0] >= 0x80 { // two's complement (RFC 4251, section 5)
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	return n.String(), nil
}

func integerText(raw []byte, _ *codepage.Page) (string, error) {
	return new(big.Int).SetBytes(raw).String(), nil
}

func boolText(raw []byte, _ *codepage.Page) (string, error) {
	return strconv.FormatBool(raw[0] != 0), nil
}

func appendText(payload []byte, value string, page *codepage.Page) ([]byte, error) {
	b, err := page.Encode(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	return sshwire.AppendString(payload, b), nil
}

func appendHex(payload []byte, value string, _ *codepage.Page) ([]byte, error) {
	b, err := hex.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("%w: hexadecimal digits", ErrBadValue)
	}
	return sshwire.AppendString(payload, b), nil
}

func appendMpint(payload []byte, value string, _ *codepage.Page) ([]byte, error) {
	n, err := parseNumber(value)
	if err != nil || n.BitLen() > 8*(sshwire.MaxMpint-1) {
		return nil, fmt.Errorf("%w: a number of up to 16384 bits", ErrBadValue)
	}
	return sshwire.AppendMpint(payload, n), nil
}

func appendInteger(bits int) func([]byte, string, *codepage.Page) ([]byte, error) {
	return func(payload []byte, value string, _ *codepage.Page) ([]byte, error) {
		n, err := parseNumber(value)
		if err != nil || n.BitLen() > bits {
			return nil, fmt.Errorf("%w: a number of %d bits", ErrBadValue, bits)
		}
		return append(payload, n.FillBytes(make([]byte, bits/8))...), nil
	}
}

// parseNumber reads decimal digits or, behind 0x, hexadecimal ones. A leading 0 is decimal.
func parseNumber(value string) (*big.Int, error) {
	base, digits := 10, value
	if len(value) > 2 && (value[:2] == "0x" || value[:2] == "0X") {
		base, digits = 16, value[2:]
	}
	if len(digits) > 5000 || strings.ContainsAny(digits, "+-_ ") {
		return nil, ErrBadValue
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, ErrBadValue
	}
	return n, nil
}

func appendBool(payload []byte, value string, _ *codepage.Page) ([]byte, error) {
	switch strings.ToLower(value) {
	case "true":
		return append(payload, 1), nil
	case "false":
		return append(payload, 0), nil
	}
	return nil, fmt.Errorf("%w: true or false", ErrBadValue)
}

// A namedField is a field of a request and the types of the fields before it.
type namedField struct{ request, name, path string }

// header are the types of what every channel request begins with, behind its number.
const header = "i,s,f" // recipient channel, request type, want reply

// namedFields has a row for every documented field: the request, the field, and the types
// on the way to it behind the header (RFC 4254, section 6). The last type is the field's own.
var namedFields = []namedField{
	{"pty-req", "TerminalType", "s"},
	{"pty-req", "TerminalWidthCharacters", "s,i"},
	{"pty-req", "TerminalHeightRows", "s,i,i"},
	{"pty-req", "TerminalWidthPixels", "s,i,i,i"},
	{"pty-req", "TerminalHeightPixels", "s,i,i,i,i"},
	{"pty-req", "TerminalModes", "s,i,i,i,i,sb"},
	{"x11-req", "SingleConnection", "f"},
	{"x11-req", "X11AuthProtocol", "f,s"},
	{"x11-req", "X11AuthCookie", "f,s,s"},
	{"x11-req", "X11ScreenNumber", "f,s,s,i"},
	{"env", "VariableName", "s"},
	{"env", "VariableValue", "s,s"},
	{"exec", "Command", "s"},
	{"subsystem", "Subsystem", "s"},
	{"xon-xoff", "ClientCanDo", "f"},
	{"signal", "SignalName", "s"},
}

// headerFields are the fields of the header.
var headerFields = []namedField{
	{"", "ChannelId", "i"},
	{"", "RequestType", "i,s"},
	{"", "WantsReply", "i,s,f"},
}

// A field is a value found in a payload.
type field struct {
	typ *fieldType
	raw []byte
}

// text returns the field as GetSSHParam does.
func (f field) text(page *codepage.Page) (string, error) { return f.typ.text(f.raw, page) }

// findField finds a field by name, or by a list of types behind a percent sign. The
// payload is a whole channel request, which begins with its number, or what follows the
// header of one. The two are told apart by the first byte: what follows the header begins
// with a boolean or with a length, whose first byte is 0 in any packet.
func findField(payload []byte, name string) (field, error) {
	whole := len(payload) > 0 && payload[0] == msg.ChannelRequest
	body, request, err := payload, "", error(nil)
	if whole {
		if body, request, err = splitHeader(payload[1:]); err != nil {
			return field{}, err
		}
	}
	if list, ok := strings.CutPrefix(name, "%"); ok {
		return findByTypes(body, list)
	}
	for _, h := range headerFields {
		if !strings.EqualFold(h.name, name) {
			continue
		}
		if !whole {
			return field{}, fmt.Errorf("%w: %s is not in this part of the packet", ErrBadPayload, h.name)
		}
		return walk(payload[1:], h.path)
	}
	for _, n := range namedFields {
		if strings.EqualFold(n.name, name) {
			if whole && n.request != request {
				return field{}, fmt.Errorf("%w: %s is a field of %s, not of %q", ErrUnknownField, n.name, n.request, request)
			}
			return walk(body, n.path)
		}
	}
	return field{}, fmt.Errorf("%w: %q", ErrUnknownField, name)
}

func splitHeader(b []byte) (rest []byte, request string, err error) {
	r := sshwire.NewReader(b)
	r.Uint32()
	request = r.Text()
	r.Bool()
	rest = r.Rest()
	if r.Err() != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrBadPayload, r.Err())
	}
	return rest, request, nil
}

// findByTypes walks the payload along a list of types and returns the last. When the
// payload does not have that layout, the list may stand in the other order, the wanted
// type first, as one documented example has it.
func findByTypes(body []byte, list string) (field, error) {
	f, err := walk(body, list)
	if err == nil || errors.Is(err, ErrUnknownType) {
		return f, err
	}
	letters := strings.Split(list, ",")
	if len(letters) < 2 {
		return field{}, err
	}
	turned := strings.Join(append(letters[1:], letters[0]), ",")
	if f, again := walk(body, turned); again == nil {
		return f, nil
	}
	return field{}, err
}

// walk reads fields of the types in a list and returns the last. Booleans are strict here,
// 0 or 1, so that a wrong list is noticed.
func walk(body []byte, list string) (field, error) {
	r := sshwire.NewReader(body)
	var f field
	for _, letters := range strings.Split(list, ",") {
		t, err := typeOf(letters)
		if err != nil {
			return field{}, err
		}
		f = field{t, t.read(r)}
		if r.Err() != nil {
			return field{}, fmt.Errorf("%w: %w", ErrBadPayload, r.Err())
		}
		if t.letters == "f" && f.raw[0] > 1 {
			return field{}, fmt.Errorf("%w: %d is no boolean", ErrBadPayload, f.raw[0])
		}
	}
	return f, nil
}

// setField appends a value to a payload, which it does not change.
func setField(payload []byte, letters, value string, page *codepage.Page) ([]byte, error) {
	t, err := typeOf(letters)
	if err != nil {
		return nil, err
	}
	return t.append(append([]byte(nil), payload...), value, page)
}
