package session

import (
	"os"

	"golang.org/x/sys/unix"

	"gatehouse/keyfmt/sshwire"
)

// Terminal modes by opcode (RFC 4254, section 8; RFC 8160).
var (
	modeChars = map[byte]int{
		1: unix.VINTR, 2: unix.VQUIT, 3: unix.VERASE, 4: unix.VKILL, 5: unix.VEOF, 6: unix.VEOL, 7: unix.VEOL2,
		8: unix.VSTART, 9: unix.VSTOP, 10: unix.VSUSP, 12: unix.VREPRINT, 13: unix.VWERASE, 14: unix.VLNEXT,
		18: unix.VDISCARD,
	}
	modeInput = map[byte]uint32{
		30: unix.IGNPAR, 31: unix.PARMRK, 32: unix.INPCK, 33: unix.ISTRIP, 34: unix.INLCR, 35: unix.IGNCR,
		36: unix.ICRNL, 37: unix.IUCLC, 38: unix.IXON, 39: unix.IXANY, 40: unix.IXOFF, 41: unix.IMAXBEL, 42: unix.IUTF8,
	}
	modeLocal = map[byte]uint32{
		50: unix.ISIG, 51: unix.ICANON, 52: unix.XCASE, 53: unix.ECHO, 54: unix.ECHOE, 55: unix.ECHOK,
		56: unix.ECHONL, 57: unix.NOFLSH, 58: unix.TOSTOP, 59: unix.IEXTEN, 60: unix.ECHOCTL, 61: unix.ECHOKE,
		62: unix.PENDIN,
	}
	modeOutput = map[byte]uint32{
		70: unix.OPOST, 71: unix.OLCUC, 72: unix.ONLCR, 73: unix.OCRNL, 74: unix.ONOCR, 75: unix.ONLRET,
	}
	modeControl = map[byte]uint32{90: unix.CS7, 91: unix.CS8, 92: unix.PARENB, 93: unix.PARODD}
)

// lastMode is the first opcode without a uint32 argument; what follows is not defined.
const lastMode = 160

// setModes applies what it knows of the encoded modes; the rest is the system's default.
func setModes(tty *os.File, modes []byte) {
	t, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return
	}
	for r := sshwire.NewReader(modes); r.Len() > 0; {
		op := r.Byte()
		if op == 0 || op >= lastMode {
			break
		}
		value := r.Uint32()
		if r.Err() != nil {
			break
		}
		if i, ok := modeChars[op]; ok {
			t.Cc[i] = controlChar(value)
		}
		setFlag(&t.Iflag, modeInput[op], value)
		setFlag(&t.Lflag, modeLocal[op], value)
		setFlag(&t.Oflag, modeOutput[op], value)
		setFlag(&t.Cflag, modeControl[op], value)
	}
	unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, t)
}

// controlChar translates "no such character", which is 255 on the wire and 0 here.
func controlChar(value uint32) byte {
	if value == 255 {
		return 0
	}
	return byte(value)
}

func setFlag(flags *uint32, bit, value uint32) {
	if value != 0 {
		*flags |= bit
	} else {
		*flags &^= bit
	}
}
