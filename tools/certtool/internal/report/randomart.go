package report

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// The picture of a key that ssh-keygen draws: a bishop walks from the middle of the field,
// two bits of the digest a step, and leaves a mark wherever he comes.
const (
	artWidth  = 17
	artHeight = 9
	artMarks  = " .o+=*BOX@%&#/^" // by the number of visits
)

// Randomart returns the picture of the SHA-256 fingerprint of a key as ssh-keygen draws it,
// "" for a key that SSH does not know.
func (e *Entry) Randomart() string {
	if e.ssh == nil {
		return ""
	}
	var visits [artHeight][artWidth]int
	x, y := artWidth/2, artHeight/2
	for _, b := range sha256.Sum256(e.ssh) {
		for range 4 {
			x = min(max(x+int(b&1)*2-1, 0), artWidth-1)
			y = min(max(y+int(b>>1&1)*2-1, 0), artHeight-1)
			visits[y][x]++
			b >>= 2
		}
	}
	var art strings.Builder
	art.WriteString(artBorder(e.artTitle()))
	for row := range visits {
		art.WriteByte('|')
		for column, n := range visits[row] {
			switch {
			case row == y && column == x:
				art.WriteByte('E')
			case row == artHeight/2 && column == artWidth/2:
				art.WriteByte('S')
			default:
				art.WriteByte(artMarks[min(n, len(artMarks)-1)])
			}
		}
		art.WriteString("|\n")
	}
	art.WriteString(artBorder("[SHA256]"))
	return art.String()
}

func artBorder(title string) string {
	left := (artWidth - len(title)) / 2
	return "+" + strings.Repeat("-", left) + title + strings.Repeat("-", artWidth-left-len(title)) + "+\n"
}

// artTitle is the type and size of the key as ssh-keygen calls them.
func (e *Entry) artTitle() string {
	family, bits := splitAlgorithm(e.Algorithm)
	if bits == 0 {
		bits = 256 // Ed25519
	}
	title := fmt.Sprintf("[%s %d]", strings.ToUpper(family), bits)
	if len(title) > artWidth {
		title = fmt.Sprintf("[%s]", strings.ToUpper(family))
	}
	return title[:min(len(title), artWidth)]
}
