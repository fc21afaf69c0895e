package alg

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/flate"

	"gatehouse/sshd/internal/inflate"
)

// A Compression is a compression algorithm (RFC 4253, section 6.2). Each direction has a
// stream of its own, which begins anew with every key exchange and otherwise goes on from
// payload to payload.
type Compression struct {
	Info

	// Delayed says that compression begins not with NEWKEYS but with the first packet after
	// USERAUTH_SUCCESS, so that nobody who is not authenticated reaches the inflater. After a
	// rekey it begins with NEWKEYS.
	Delayed bool

	// NewDeflater and NewInflater make the state of one direction: about 1 MiB and 40 KiB.
	// They are nil for no compression.
	NewDeflater func() *Deflater
	NewInflater func() *Inflater
}

// Compressions are the compression algorithms.
var Compressions = Table[*Compression]{
	{Info{"none", "RFC 4253, section 6.2", Modern, Ranks{Modern2026: 1, Reference2022: 1, FIPS2026: 1, Legacy2026: 1}}, false, nil, nil},
	{Info{"zlib@openssh.com", "draft-miller-secsh-compression-delayed-00", Legacy, Ranks{Legacy2026: 2}}, true, newDeflater, newInflater},
	{Info{"zlib", "RFC 4253, section 6.2", Legacy, Ranks{Reference2022: 2, Legacy2026: 3}}, false, newDeflater, newInflater},
}

// deflateLevel is the fastest: the higher ones of this writer gain some percent on text.
const deflateLevel = flate.BestSpeed

// zlibHeader begins a stream: deflate with a window of 32 KiB, no dictionary (RFC 1950, section 2.2).
const zlibHeader = "\x78\x01"

// A Deflater compresses payloads. Its calls must not overlap.
type Deflater struct {
	writer *flate.Writer
	out    output
	begun  bool
}

func newDeflater() *Deflater {
	d := new(Deflater)
	w, err := flate.NewWriter(&d.out, deflateLevel)
	if err != nil {
		panic("alg: internal error: " + err.Error())
	}
	d.writer = w
	return d
}

// Deflate appends the compressed payload to dst. It ends with a sync flush, which every
// inflater takes for the partial flush that the RFC asks for. Incompressible data grows by
// 5 bytes for each 64 KiB and 20 bytes more at most.
func (d *Deflater) Deflate(dst, payload []byte) ([]byte, error) {
	if !d.begun {
		dst, d.begun = append(dst, zlibHeader...), true
	}
	d.out = dst
	_, err := d.writer.Write(payload)
	if err == nil {
		err = d.writer.Flush()
	}
	dst, d.out = d.out, nil
	if err != nil {
		return dst, fmt.Errorf("alg: deflate: %w", err)
	}
	return dst, nil
}

// output collects what a writer writes.
type output []byte

func (o *output) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}

var (
	// ErrInflate says that a compressed payload is corrupt.
	ErrInflate = errors.New("malformed compressed payload")
	// ErrInflateLimit says that a payload inflates to more than its limit.
	ErrInflateLimit = errors.New("compressed payload inflates beyond the limit")
)

// An Inflater decompresses payloads. Its calls must not overlap.
type Inflater struct{ stream *inflate.Reader }

func newInflater() *Inflater { return &Inflater{inflate.NewReader()} }

// Inflate appends to dst what the next payload inflates to, whether it ends with a partial,
// a sync or a full flush. More than max bytes are ErrInflateLimit, found without producing
// them; everything else is ErrInflate, a payload that inflates to nothing included. After an
// error the Inflater must not be used again.
func (i *Inflater) Inflate(dst, payload []byte, max int) ([]byte, error) {
	out, err := i.stream.Append(dst, payload, max)
	switch {
	case errors.Is(err, inflate.ErrTooLarge):
		return dst, fmt.Errorf("alg: inflate: %w of %d bytes", ErrInflateLimit, max)
	case err != nil:
		return dst, fmt.Errorf("alg: inflate: %w", ErrInflate)
	case len(out) == len(dst):
		return dst, fmt.Errorf("alg: inflate: %w: no data", ErrInflate)
	}
	return out, nil
}
