package keyfmt

// SniffLen is how much of an input Detect looks at.
const SniffLen = 16 << 10

// Detect says what data looks like. It reads at most SniffLen bytes, derives no key and
// decodes nothing as a whole. The error matches ErrUnrecognised.
func Detect(data []byte) (Detection, error) { panic("unwritten") }

// Parse decodes data in any supported format.
func Parse(data []byte, opts *ParseOptions) (*Bundle, error) { panic("unwritten") }

// ParseAs is Parse without detection.
func ParseAs(f Format, data []byte, opts *ParseOptions) (*Bundle, error) { panic("unwritten") }

// Marshal encodes b. What the format cannot hold is a *LossError that lists it, unless
// opts.AllowLoss.
func Marshal(f Format, b *Bundle, opts *MarshalOptions) ([]byte, error) { panic("unwritten") }

// Formats lists the formats in the order of detection.
func Formats() []FormatInfo { panic("unwritten") }
