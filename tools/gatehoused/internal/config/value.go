package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A value is a field of Options in the words of the configuration. set adds to a list and
// replaces everything else; dump returns the arguments of the lines that would set it so.
type value interface {
	set(args []string) error
	dump() []string
}

const none = "none"

func one(args []string) (string, error) {
	if len(args) != 1 {
		return "", fmt.Errorf("takes one argument, not %d", len(args))
	}
	return args[0], nil
}

func some(args []string) error {
	if len(args) == 0 {
		return errors.New("argument is missing")
	}
	if slices.Contains(args, "") {
		return errors.New("empty argument")
	}
	return nil
}

func bad(arg, expected string) error { return fmt.Errorf("%q is not %s", arg, expected) }

// flag is yes or no.
type flag bool

func (v *flag) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	switch strings.ToLower(arg) {
	case "yes", "true":
		*v = true
	case "no", "false":
		*v = false
	default:
		return bad(arg, "yes or no")
	}
	return nil
}

func (v *flag) dump() []string {
	if *v {
		return []string{"yes"}
	}
	return []string{"no"}
}

// choice is one of a few words. Words after "=" are other spellings of one.
type choice struct {
	field *string
	words []string
}

func (v choice) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	for _, word := range v.words {
		spelling, meaning, _ := strings.Cut(word, "=")
		if strings.EqualFold(arg, spelling) {
			*v.field = spelling
			if meaning != "" {
				*v.field = meaning
			}
			return nil
		}
	}
	return bad(arg, "one of "+strings.Join(v.words, ", "))
}

func (v choice) dump() []string { return []string{*v.field} }

// text is one word. "none" is the empty text, and the other way round in a dump.
type text string

func (v *text) set(args []string) error {
	arg, err := one(args)
	if err == nil && arg == "" {
		err = errors.New("empty argument")
	}
	if err != nil {
		return err
	}
	if strings.EqualFold(arg, none) {
		arg = ""
	}
	*v = text(arg)
	return nil
}

func (v *text) dump() []string {
	if *v == "" {
		return []string{none}
	}
	return []string{quote(string(*v))}
}

// line is the rest of the line as it stands.
type line string

func (v *line) set(args []string) error { return (*text)(v).set(args) }

func (v *line) dump() []string {
	if *v == "" {
		return []string{none}
	}
	return []string{string(*v)}
}

// names is a list of words, all of them on one line in a dump. "none" alone is no words.
type names []string

func (v *names) set(args []string) error {
	if err := some(args); err != nil {
		return err
	}
	if len(args) == 1 && strings.EqualFold(args[0], none) {
		*v = []string{}
		return nil
	}
	*v = append(*v, args...)
	return nil
}

func (v *names) dump() []string {
	if len(*v) == 0 {
		return []string{none}
	}
	quoted := make([]string, len(*v))
	for i, word := range *v {
		quoted[i] = quote(word)
	}
	return []string{strings.Join(quoted, " ")}
}

// each is a list of words with a line for each in a dump, and a check.
type each struct {
	field *[]string
	check func(string) error
}

func (v each) set(args []string) error {
	if err := some(args); err != nil {
		return err
	}
	for _, arg := range args {
		if v.check == nil {
			continue
		}
		if err := v.check(arg); err != nil {
			return err
		}
	}
	*v.field = append(*v.field, args...)
	return nil
}

func (v each) dump() []string {
	var lines []string
	for _, word := range *v.field {
		lines = append(lines, quote(word))
	}
	return lines
}

// permits is a list of what may be forwarded: "any" is nil, "none" is empty.
type permits struct {
	field *[]string
	check func(string) error
}

func (v permits) set(args []string) error {
	*v.field = nil
	if len(args) == 1 && strings.EqualFold(args[0], "any") {
		return nil
	}
	if len(args) == 1 && strings.EqualFold(args[0], none) {
		*v.field = []string{}
		return nil
	}
	return each(v).set(args)
}

func (v permits) dump() []string {
	switch {
	case *v.field == nil:
		return []string{"any"}
	case len(*v.field) == 0:
		return []string{none}
	}
	return (*names)(v.field).dump()
}

// number is an integer in a range.
type number struct {
	field    *int
	min, max int
}

func (v number) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < v.min || n > v.max {
		return bad(arg, fmt.Sprintf("a number from %d to %d", v.min, v.max))
	}
	*v.field = n
	return nil
}

func (v number) dump() []string { return []string{strconv.Itoa(*v.field)} }

// mask is a file mode creation mask in octal.
type mask os.FileMode

func (v *mask) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(arg, 8, 32)
	if err != nil || n > 0o777 {
		return bad(arg, "an octal mask")
	}
	*v = mask(n)
	return nil
}

func (v *mask) dump() []string { return []string{fmt.Sprintf("0%o", uint32(*v))} }

// duration is a time in sshd_config(5)'s format; "none" is 0.
type duration time.Duration

func (v *duration) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	d, err := parseTime(arg)
	*v = duration(d)
	return err
}

func (v *duration) dump() []string {
	return []string{strconv.FormatInt(int64(time.Duration(*v)/time.Second), 10)}
}

var timeUnits = map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}

// parseTime reads a sequence of numbers with units, as in 1h30m; without a unit it is seconds.
func parseTime(s string) (time.Duration, error) {
	const most = math.MaxInt64 / int64(time.Second)
	wrong := bad(s, "a time such as 90, 10m or 1h30m")
	if strings.EqualFold(s, none) {
		return 0, nil
	}
	if s == "" {
		return 0, wrong
	}
	var total int64
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, wrong
		}
		unit := int64(1)
		if rest = rest[digits:]; rest != "" {
			if unit = timeUnits[rest[0]|0x20]; unit == 0 {
				return 0, wrong
			}
			rest = rest[1:]
		}
		if n > (most-total)/unit {
			return 0, wrong
		}
		total += n * unit
	}
	return time.Duration(total) * time.Second, nil
}

// parseSize reads bytes with K, M or G.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "kKmMgG")
	shift := map[string]uint{"": 0, "k": 10, "m": 20, "g": 30}
	by, ok := shift[strings.ToLower(s[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > math.MaxInt64>>by {
		return 0, bad(s, "a size such as 500M")
	}
	return n << by, nil
}

func (v *RekeyLimit) set(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("takes a size and a time, not %d arguments", len(args))
	}
	*v = RekeyLimit{}
	var err error
	if size := args[0]; !strings.EqualFold(size, "default") && !strings.EqualFold(size, none) {
		// Less would be all key exchange and no data.
		if v.Bytes, err = parseSize(size); err == nil && v.Bytes != 0 && v.Bytes < 16 {
			err = bad(size, "at least 16 bytes")
		}
	}
	if err == nil && len(args) == 2 {
		v.Interval, err = parseTime(args[1])
	}
	return err
}

func (v *RekeyLimit) dump() []string {
	return []string{fmt.Sprintf("%d %d", v.Bytes, v.Interval/time.Second)}
}

func (v *MaxStartups) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	wrong := bad(arg, "a number or start:rate:full with a rate in percent")
	parts := strings.Split(arg, ":")
	n := make([]int, len(parts))
	for i, part := range parts {
		if n[i], err = strconv.Atoi(part); err != nil || n[i] < 1 {
			return wrong
		}
	}
	switch {
	case len(n) == 1:
		*v = MaxStartups{n[0], 100, n[0]}
	case len(n) == 3 && n[1] <= 100 && n[0] <= n[2]:
		*v = MaxStartups{n[0], n[1], n[2]}
	default:
		return wrong
	}
	return nil
}

func (v *MaxStartups) dump() []string {
	return []string{fmt.Sprintf("%d:%d:%d", v.Start, v.Rate, v.Full)}
}

// ports is a list of ports to listen on. 0 lets the system choose.
type ports []uint16

func (v *ports) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	port, err := parsePort(arg)
	*v = append(*v, port)
	return err
}

func (v *ports) dump() []string {
	var lines []string
	for _, port := range *v {
		lines = append(lines, strconv.Itoa(int(port)))
	}
	return lines
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, bad(s, "a port number")
	}
	return uint16(n), nil
}

// listens is a list of addresses: host, host:port, [host]:port, or a bare IPv6 address.
type listens []ListenAddress

func (v *listens) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	address, err := parseListen(arg)
	*v = append(*v, address)
	return err
}

func parseListen(s string) (ListenAddress, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.Count(s, ":") > 1 && s[0] != '[' {
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), ""
	}
	if host == "" || host != "*" && strings.ContainsFunc(host, notInHost) {
		return ListenAddress{}, bad(s, "an address to listen on")
	}
	if host == "*" {
		host = ""
	}
	if port == "" {
		return ListenAddress{Host: host}, nil
	}
	number, err := parsePort(port)
	return ListenAddress{host, number}, err
}

func notInHost(c rune) bool {
	return !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune(".:-_%", c))
}

func (v *listens) dump() []string {
	var lines []string
	for _, a := range *v {
		host := a.Host
		if host == "" {
			host = "*"
		}
		switch {
		case a.Port != 0:
			host = net.JoinHostPort(host, strconv.Itoa(int(a.Port)))
		case strings.Contains(host, ":"):
			host = "[" + host + "]"
		}
		lines = append(lines, host)
	}
	return lines
}

// subsystems takes a name and the rest of the line.
type subsystems []Subsystem

func (v *subsystems) set(args []string) error {
	rest, err := one(args)
	if err != nil {
		return err
	}
	name, command := split(rest)
	if name == "" || command == "" {
		return errors.New("takes a name and a command")
	}
	for _, s := range *v {
		if s.Name == name {
			return nil // the first one wins
		}
	}
	*v = append(*v, Subsystem{name, command})
	return nil
}

func (v *subsystems) dump() []string {
	var lines []string
	for _, s := range *v {
		lines = append(lines, s.Name+" "+s.Command)
	}
	return lines
}
