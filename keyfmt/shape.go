package keyfmt

import (
	"gatehouse/keyfmt/internal/ber"
)

// A shape walks over the beginning of DER or BER that may be cut off. Once something does
// not fit, everything after it does not fit either.
type shape struct {
	rest []byte
	bad  bool
}

// The tags that shapes of key files are made of.
const (
	tagInteger   = 0x02
	tagBits      = 0x03
	tagOctets    = 0x04
	tagOID       = 0x06
	tagSequence  = 0x30
	tagSet       = 0x31
	tagUTCTime   = 0x17
	tagGenerTime = 0x18
	tagContext0  = 0xa0
)

// at reports whether the next element has the tag.
func (s *shape) at(tag byte) bool { return !s.bad && len(s.rest) > 0 && s.rest[0] == tag }

// ended reports whether there is nothing more, and that for a known reason.
func (s *shape) ended() bool { return !s.bad && len(s.rest) == 0 }

// enter returns a walk over the content of the next element, of which the rest may be cut
// off, and goes on behind it.
func (s *shape) enter(tag byte) *shape {
	h, err := ber.ReadHeader(s.rest)
	if s.bad || err != nil || h.Ident != tag {
		s.bad = true
		return &shape{bad: true}
	}
	content := s.rest[h.Size:]
	if h.Length < 0 || h.Length > len(content) {
		s.rest, s.bad = nil, true // what is behind is out of sight
		return &shape{rest: content}
	}
	s.rest = content[h.Length:]
	return &shape{rest: content[:h.Length]}
}

// skip goes past the next element.
func (s *shape) skip(tag byte) bool {
	s.enter(tag)
	return !s.bad
}

// integers reports whether n integers are left and nothing else.
func (s *shape) integers(n int) bool {
	for range n {
		s.skip(tagInteger)
	}
	return s.ended()
}

// number returns the value of the next element, a small integer; -1 if it is none.
func (s *shape) number() int {
	n := s.enter(tagInteger)
	if n.bad || len(n.rest) != 1 {
		return -1
	}
	return int(n.rest[0])
}
