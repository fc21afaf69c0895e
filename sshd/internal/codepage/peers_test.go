package codepage

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// A peer is another program's name for a page. The characters in except are those that it
// lacks or has under another code.
type peer struct {
	id      int
	charset string
	except  string
}

// utf32ID is that of macOS for UTF-32 with a byte order mark.
var utf32ID uint32 = 0x8c000100

// glibc's iconv.
var iconvPeers = []peer{
	{37, "IBM037", ""},
	{437, "IBM437", ""},
	{500, "IBM500", ""},
	{708, "ASMO-708", ""},
	{709, "ASMO_449", ""},
	{737, "CP737", ""},
	{775, "CP775", ""},
	{850, "IBM850", ""},
	{852, "IBM852", ""},
	{855, "IBM855", ""},
	{857, "IBM857", ""},
	{858, "IBM858", ""},
	{860, "IBM860", ""},
	{861, "IBM861", ""},
	{862, "IBM862", ""},
	{863, "IBM863", ""},
	{864, "IBM864", ""},
	{865, "IBM865", ""},
	{866, "IBM866", ""},
	{869, "IBM869", ""},
	{870, "IBM870", "\u02D9"},
	{874, "CP874", ""},
	{875, "CP875", "\u007C\u00A0\u0387"},
	{932, "CP932", "\u0080"},
	{936, "GBK", "\u20AC"},
	{949, "UHC", ""},
	{950, "CP950", ""},
	{1026, "IBM1026", "\u00AF\u00B8"},
	{1047, "IBM1047", ""},
	{1140, "IBM1140", ""},
	{1141, "IBM1141", ""},
	{1142, "IBM1142", ""},
	{1143, "IBM1143", ""},
	{1144, "IBM1144", ""},
	{1145, "IBM1145", ""},
	{1146, "IBM1146", ""},
	{1147, "IBM1147", ""},
	{1148, "IBM1148", ""},
	{1149, "IBM1149", ""},
	{1200, "UTF-16LE", ""},
	{1201, "UTF-16BE", ""},
	{1250, "CP1250", ""},
	{1251, "CP1251", ""},
	{1252, "CP1252", ""},
	{1253, "CP1253", ""},
	{1254, "CP1254", ""},
	{1255, "CP1255", "\u05BA"},
	{1256, "CP1256", ""},
	{1257, "CP1257", ""},
	{1258, "CP1258", ""},
	{1361, "JOHAB", "\u005C"},
	{10000, "MACINTOSH", "\u2206"},
	{10007, "MAC-CYRILLIC", "\u20AC"},
	{10017, "MAC-UK", "\u20AC"},
	{10029, "MAC-CENTRALEUROPE", ""},
	{12000, "UTF-32LE", ""},
	{12001, "UTF-32BE", ""},
	{20000, "EUC-TW", ""},
	{20106, "DIN_66003", ""},
	{20107, "SEN_850200_B", ""},
	{20108, "NS_4551-1", ""},
	{20127, "ASCII", ""},
	{20261, "T.61-8BIT", ""},
	{20269, "ISO_6937", ""},
	{20273, "IBM273", ""},
	{20277, "IBM277", ""},
	{20278, "IBM278", "\u005C\u00C9"},
	{20280, "IBM280", ""},
	{20284, "IBM284", ""},
	{20285, "IBM285", "\u00AF"},
	{20297, "IBM297", ""},
	{20420, "IBM420", "\u200B"},
	{20423, "IBM423", ""},
	{20424, "IBM424", "\u00B1\u2017\u2022\u203E"},
	{20838, "IBM9030", ""},
	{20866, "KOI8-R", ""},
	{20871, "IBM871", ""},
	{20880, "IBM880", ""},
	{20905, "IBM905", ""},
	{20932, "EUC-JP", windowsJapanese()},
	{20936, "EUC-CN", "\u00B7\u2014"},
	{21025, "IBM1025", ""},
	{21866, "KOI8-U", "\u040E\u045E"},
	{28591, "ISO-8859-1", ""},
	{28592, "ISO-8859-2", ""},
	{28593, "ISO-8859-3", ""},
	{28594, "ISO-8859-4", ""},
	{28595, "ISO-8859-5", ""},
	{28596, "ISO-8859-6", ""},
	{28597, "ISO-8859-7", ""},
	{28598, "ISO-8859-8", ""},
	{28599, "ISO-8859-9", ""},
	{28605, "ISO-8859-15", ""},
	{50220, "ISO-2022-JP", windowsJapanese()},
	{50225, "ISO-2022-KR", ""},
	{50930, "IBM930", ""},
	{50933, "IBM933", ""},
	{50935, "IBM935", ""},
	{50937, "IBM937", ""},
	{50939, "IBM939", ""},
	{51932, "EUC-JP", windowsJapanese()},
	{51949, "EUC-KR", ""},
	{51950, "EUC-TW", ""},
	{65000, "UTF-7", ""},
	{65001, "UTF-8", ""},
	{10, "UTF-16", ""},
	{int(utf32ID), "UTF-32", ""},
}

// ICU's uconv.
var uconvPeers = []peer{
	{500, "ibm-500", ""},
	{720, "ibm-720", "\u001A\u001C\u007F\u0080\u0081\u0084\u0086\u008D\u008E\u008F\u0090"},
	{870, "ibm-870", ""},
	{875, "ibm-875", ""},
	{932, "windows-932", "\u001A\u001C\u007F\u0080"},
	{936, "windows-936-2000", ""},
	{949, "windows-949-2000", ""},
	{950, "windows-950-2000", ""},
	{1026, "ibm-1026", "\u00AA"},
	{1141, "ibm-1141", ""},
	{1142, "ibm-1142", ""},
	{1143, "ibm-1143", ""},
	{1144, "ibm-1144", ""},
	{1145, "ibm-1145", ""},
	{1146, "ibm-1146", ""},
	{1147, "ibm-1147", ""},
	{1148, "ibm-1148", ""},
	{1149, "ibm-1149", ""},
	{10006, "x-mac-greek", ""},
	{10081, "x-mac-turkish", ""},
	{20273, "ibm-273", ""},
	{20277, "ibm-277", ""},
	{20278, "ibm-278", ""},
	{20280, "ibm-280", ""},
	{20284, "ibm-284", ""},
	{20285, "ibm-285", ""},
	{20290, "ibm-290", ""},
	{20297, "ibm-297", ""},
	{20420, "ibm-420", ""},
	{20424, "ibm-424", ""},
	{20838, "ibm-838", ""},
	{20871, "ibm-871", "\u00DE\u00FE"},
	{21025, "ibm-1025", ""},
	{50227, "ISO-2022-CN", "\u00B7\u2013\u2014\u2035\u203E\u2215\u223C\u2609\u2641\u30FB\u5344\uFE31\uFE32\uFE4B\uFE4C\uFE65\uFE66\uFF07"},
	{50930, "ibm-930", ""},
	{50933, "ibm-933", ""},
	{50935, "ibm-935", ""},
	{50937, "ibm-937", ""},
	{50939, "ibm-939", ""},
	{52936, "HZ", "\u01F9\u20AC"},
	{65000, "UTF-7", ""},
}

var javaPeers = []peer{
	{708, "ISO-8859-6", ""},
	{737, "x-IBM737", ""},
	{775, "IBM775", ""},
	{857, "IBM857", ""},
	{861, "IBM861", ""},
	{864, "IBM864", ""},
	{869, "IBM869", ""},
	{932, "windows-31j", "\u0080"},
	{949, "x-windows-949", ""},
	{950, "x-windows-950", ""},
	{1361, "x-Johab", ""},
	{10004, "x-MacArabic", ""},
	{10005, "x-MacHebrew", ""},
	{10006, "x-MacGreek", "\u00AD\u00B7\u20AC"},
	{10010, "x-MacRomania", "\u0218\u0219\u021A\u021B\u03A9\u20AC"},
	{10021, "x-MacThai", ""},
	{10029, "x-MacCentralEurope", ""},
	{10079, "x-MacIceland", "\u03A9\u20AC"},
	{10081, "x-MacTurkish", "\u03A9"},
	{10082, "x-MacCroatian", "\u03A9\u20AC"},
	{20290, "IBM290", ""},
	{20833, "x-IBM833", ""},
	{20838, "IBM-Thai", "\u000A\u0085"},
	{20871, "IBM871", "\u000A\u0085\u00DE\u00FE"},
	{50220, "x-windows-50220", windowsJapanese()},
	{50221, "x-windows-50221", windowsJapanese()},
	{50225, "ISO-2022-KR", ""},
	{50930, "x-IBM930", "\u000A\u0085\u00A6\u2014\u2016\u301C"},
	{50933, "x-IBM933", ""},
	{50935, "x-IBM935", "\u000A\u0085"},
	{50937, "x-IBM937", "\u000A\u0085"},
	{50939, "x-IBM939", "\u000A\u0085\u00A6\u2014\u2016\u2212\u301C"},
	{51949, "EUC-KR", ""},
	{51950, "x-EUC-TW", "\u5344"},
	{57002, "x-ISCII91", ""},
	{6, "x-MacSymbol", ""},
}

// windowsJapanese returns what Windows has beyond JIS X 0208 or by another name: the kanji of
// NEC and IBM, six symbols, the half-width katakana.
func windowsJapanese() string {
	var list strings.Builder
	for r, code := range windows31J.ready().codes {
		if len(code) == 2 && (code[0] == 0x87 || code[0] >= 0xED) || strings.ContainsRune("∥－～￠￡￢", r) || isKatakana(r) {
			list.WriteRune(r)
		}
	}
	return list.String()
}

// needProgram skips the test without the program, or fails it where peers are required.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("GATEHOUSE_PEERS") == "required" {
			t.Fatalf("no %s", name)
		}
		t.Skipf("no %s", name)
	}
}

// repertoire returns the characters of the Basic Multilingual Plane that a page has, but for
// those of except and those for private use, which mean what each program likes.
func repertoire(p *Page, except string) string {
	var all strings.Builder
	for _, r := range candidates(p, 1) {
		if c := string(r); r <= 0xFFFF && utf8.ValidRune(r) && !unicode.Is(unicode.Co, r) && !strings.ContainsRune(except, r) {
			if _, n := p.codec.encode(c); n == len(c) {
				all.WriteString(c)
			}
		}
	}
	return all.String()
}

func TestIconv(t *testing.T) { testConverter(t, "iconv", iconvPeers) }
func TestUconv(t *testing.T) { testConverter(t, "uconv", uconvPeers) }

// testConverter has each side read all that the other writes.
func testConverter(t *testing.T, program string, peers []peer) {
	needProgram(t, program)
	for _, peer := range peers {
		t.Run(fmt.Sprint(peer.id), func(t *testing.T) {
			t.Parallel()
			convert := func(from, to string, in []byte) []byte {
				cmd := exec.Command(program, "-f", from, "-t", to)
				cmd.Stdin = bytes.NewReader(in)
				out, err := cmd.Output()
				if err != nil {
					t.Errorf("%s -f %s -t %s: %v", program, from, to, err)
				}
				return out
			}
			page, text, ours := written(t, peer)
			compare(t, peer.charset+" reads ours", string(convert(peer.charset, "UTF-8", ours)), text)
			readBack(t, page, convert("UTF-8", peer.charset, []byte(text)), text)
		})
	}
}

// TestJava does the same with the charsets of Java, all in one run.
func TestJava(t *testing.T) {
	needProgram(t, "java")
	var in strings.Builder
	for _, peer := range javaPeers {
		_, _, ours := written(t, peer)
		fmt.Fprintf(&in, "%s %x\n", peer.charset, ours)
	}
	cmd := exec.Command("java", "tables/Charsets.java")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	for i, peer := range javaPeers {
		t.Run(fmt.Sprint(peer.id), func(t *testing.T) {
			page, text, _ := written(t, peer)
			theirText, theirBytes, _ := strings.Cut(lines[i], " ")
			got, err := hex.DecodeString(theirText)
			theirs, err2 := hex.DecodeString(theirBytes)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			compare(t, peer.charset+" reads ours", string(got), text)
			readBack(t, page, theirs, text)
		})
	}
}

// written returns a page, all its text that the peer is asked about, and our bytes for it.
func written(t *testing.T, peer peer) (*Page, string, []byte) {
	t.Helper()
	page, err := Lookup(peer.id)
	if err != nil {
		t.Fatal(err)
	}
	text := repertoire(page, peer.except)
	ours, err := page.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return page, text, ours
}

func readBack(t *testing.T, page *Page, theirs []byte, text string) {
	t.Helper()
	got, err := page.Decode(theirs)
	if err != nil {
		t.Error(err)
		return
	}
	compare(t, "we read theirs", got, text)
}

// compare names the first characters that differ.
func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := []rune(got), []rune(want)
	var list []string
	for i := 0; i < len(g) && i < len(w); i++ {
		if g[i] != w[i] {
			list = append(list, fmt.Sprintf("%U for %U", g[i], w[i]))
		}
		if len(list) == 12 {
			break
		}
	}
	t.Errorf("%s: %d characters, want %d: %s", what, len(g), len(w), strings.Join(list, ", "))
}
