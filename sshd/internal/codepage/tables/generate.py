#!/usr/bin/env python3
"""Writes the tables beside it from what glibc's iconv, Python and Java know.

A table is a list of lines "code characters"; codepage.table says how they are read. Needs
Python 3, glibc and Java 17; `go generate` runs it. Arguments name tables, if not all are wanted.
"""
import codecs
import ctypes
import gzip
import itertools
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHIFT_OUT, SHIFT_IN = b"\x0e", b"\x0f"


class Iconv:
    """A conversion of the C library."""

    def __init__(self, name):
        self.lib = ctypes.CDLL(None, use_errno=True)
        self.lib.iconv_open.restype = ctypes.c_void_p
        self.lib.iconv_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        self.lib.iconv.restype = ctypes.c_size_t
        self.lib.iconv.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4
        self.out_of, self.into = self.open("UTF-8", name), self.open(name, "UTF-8")

    def open(self, to, source):
        handle = self.lib.iconv_open(to.encode(), source.encode())
        if handle == ctypes.c_void_p(-1).value:
            raise LookupError(source)
        return handle

    def convert(self, handle, data):
        self.lib.iconv(handle, None, None, None, None)
        room = ctypes.create_string_buffer(64)
        source = ctypes.create_string_buffer(data, len(data))
        at, left = ctypes.c_void_p(ctypes.addressof(source)), ctypes.c_size_t(len(data))
        to, free = ctypes.c_void_p(ctypes.addressof(room)), ctypes.c_size_t(len(room))
        if self.lib.iconv(handle, ctypes.byref(at), ctypes.byref(left), ctypes.byref(to), ctypes.byref(free)) != 0:
            return None
        self.lib.iconv(handle, None, None, ctypes.byref(to), ctypes.byref(free))
        return room.raw[: len(room) - free.value]

    def lookup(self, codes):
        for code in codes:
            text = self.convert(self.out_of, code)
            back = self.convert(self.into, text) if text else None
            yield (text.decode(), back) if text else None


class Charmap:
    """A character map of glibc that iconv does not know, of single bytes."""

    def __init__(self, name):
        with gzip.open("/usr/share/i18n/charmaps/%s.gz" % name, "rt", encoding="ascii") as lines:
            found = [re.match(r"<U(\w{4})>\s+/x(\w\w)\s", line) for line in lines]
        self.chars = {bytes.fromhex(m[2]): chr(int(m[1], 16)) for m in found if m}

    def lookup(self, codes):
        for code in codes:
            yield (self.chars[code], code) if code in self.chars else None


class Python:
    """A codec of Python."""

    def __init__(self, name):
        self.codec = codecs.lookup(name)

    def lookup(self, codes):
        for code in codes:
            try:
                text, _ = self.codec.decode(code)
                yield text, self.codec.encode(text)[0]
            except UnicodeError:
                yield None


class Java:
    """A character set of Java. Those of hosts have the two ends of lines where IBM has them, which Java changes over."""

    HOST_LINES = {b"\x15": "\u0085", b"\x25": "\n"}

    def __init__(self, name, is_host=False):
        self.name, self.fixed = name, self.HOST_LINES if is_host else {}

    def lookup(self, codes):
        text = "".join("%s %s\n" % (self.name, code.hex()) for code in codes)
        command = ["java", os.path.join(HERE, "Charsets.java")]
        out = subprocess.run(command, input=text, capture_output=True, check=True, text=True).stdout
        for code, line in zip(codes, out.split("\n")):
            if code in self.fixed:
                yield self.fixed[code], code
                continue
            parts = [bytes.fromhex(part) for part in line.split(" ")] if line else []
            yield (parts[0].decode(), parts[1] if len(parts) > 1 else None) if parts else None


SINGLES = [bytes([b]) for b in range(256)]
PAIRS = [bytes(pair) for pair in itertools.product(range(0x21, 0xFF), repeat=2)]
HIGH_PAIRS = [bytes(pair) for pair in itertools.product(range(0xA1, 0xFF), repeat=2)]
PLANES = [bytes([0x8E, 0xA1 + plane]) + pair for plane in range(1, 16) for pair in HIGH_PAIRS]
SHIFTED = [SHIFT_OUT + bytes(pair) + SHIFT_IN for pair in itertools.product(range(0x40, 0xFF), repeat=2)]

# The single-byte character sets of glibc by the name of their table. Its IBM871 has the two cases of thorn the other way
# round than Java, ICU and page 1149; it is kept because the documented conversion of page 20871 is that.
GLIBC = {
    "asmo708": "ASMO-708", "asmo449": "ASMO_449", "cp737": "CP737", "cp775": "CP775", "ibm857": "IBM857", "ibm861": "IBM861",
    "ibm864": "IBM864", "ibm869": "IBM869", "din66003": "DIN_66003", "sen850200b": "SEN_850200_B", "ns4551": "NS_4551-1",
    "maccentraleurope": "MAC-CENTRALEUROPE", "ibm423": "IBM423", "ibm871": "IBM871", "ibm880": "IBM880", "ibm905": "IBM905",
}
# Those of hosts that Java knows. Where glibc differs, ICU and IBM's own tables are with Java.
HOSTS = {
    "cp875": "x-IBM875", "ibm833": "x-IBM833", "ibm838": "IBM-Thai", "ibm1025": "x-IBM1025",
    **{"ibm%d" % n: "IBM%d" % n for n in (273, 277, 278, 280, 284, 285, 290, 297, 420, 424, 500, 870, 1026)},
    **{"ibm%d" % n: "IBM0%d" % n for n in range(1141, 1150)},
}
TABLES = [
    *[(name, "glibc", Iconv(charset), charset, SINGLES) for name, charset in GLIBC.items()],
    ("nextstep", "glibc", Charmap("NEXTSTEP"), "NEXTSTEP", SINGLES),
    ("cp720", "Python", Python("cp720"), "cp720", SINGLES),
    *[("mac" + name, "Python", Python("mac_" + name), "mac_" + name, SINGLES)
      for name in ("greek", "iceland", "turkish", "croatian")],
    ("macromanian", "Python", Python("mac_romanian"), "mac_romanian", SINGLES),
    *[("mac" + name.lower(), "Java", Java("x-Mac" + name), "x-Mac" + name, SINGLES) for name in ("Arabic", "Hebrew", "Thai", "Symbol")],
    *[(name, "Java", Java(charset, is_host=True), charset, SINGLES) for name, charset in HOSTS.items()],
    ("iscii", "Java", Java("x-ISCII91"), "x-ISCII91", SINGLES + [bytes([b, 0xE9]) for b in range(0xA1, 0xFF)]),
    ("johab", "Java", Java("x-Johab"), "x-Johab", SINGLES + PAIRS),
    ("t61", "glibc", Iconv("T.61-8BIT"), "T.61-8BIT", SINGLES + PAIRS),
    ("iso6937", "glibc", Iconv("ISO_6937"), "ISO_6937", SINGLES + PAIRS),
    ("euctw", "glibc", Iconv("EUC-TW"), "EUC-TW", SINGLES + HIGH_PAIRS + PLANES),
    *[("ibm%d" % n, "glibc", Iconv("IBM%d" % n), "IBM%d" % n, SINGLES + SHIFTED) for n in (930, 933, 935, 937, 939)],
]


def quote(text):
    """Writes a Go string whose every character can be told from its neighbours on a screen."""
    escape = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(
        escape.get(c) or (c if c.isprintable() else "\\u%04x" % ord(c) if ord(c) < 0x10000 else "\\U%08x" % ord(c)) for c in text
    ) + '"'


def write(name, owner, charset, lookup, codes):
    """Joins consecutive codes to lines; a code that is not written again gets a "<"."""
    runs = []
    for code, found in zip(codes, lookup(codes)):
        if found is None or len(found[0]) != 1 or found[0] == "\ufffd":
            continue
        text, back = found
        bare = code.strip(SHIFT_OUT + SHIFT_IN) if len(code) == 4 and code[:1] == SHIFT_OUT else code
        kind = "" if back == code else "<"
        last = runs[-1] if runs else None
        if last and last[0] == kind and last[2][:-1] == bare[:-1] and last[2][-1] + 1 == bare[-1]:
            last[2], last[3] = bare, last[3] + text
        else:
            runs.append([kind, bare, bare, text])
    with open(os.path.join(HERE, name + ".txt"), "w", encoding="utf-8", newline="\n") as out:
        out.write("%% %s %s\n" % (owner, charset))
        out.writelines("%s%s %s\n" % (kind, first.hex(), quote(text)) for kind, first, _, text in runs)


for table_name, table_owner, table_source, table_charset, table_codes in TABLES:
    if len(sys.argv) == 1 or table_name in sys.argv:
        write(table_name, table_owner, table_charset, table_source.lookup, table_codes)
