package keyfmt

// A Format names an encoding. The names are stable; [Formats] lists them.
type Format string

// A FormatInfo describes a format: a row of the table that Parse, Marshal and Detect use.
type FormatInfo struct {
	Name       Format
	Title      string   // "PKCS #12 (PFX)"
	Extensions []string // without the dot, the first one is for new files
	Read       bool
	Write      bool
	Encrypts   bool     // Marshal can encrypt it
	Many       bool     // holds any number of entries
	Kinds      []Kind   // what it can hold
	Variants   []string // dialects that Marshal writes, the default first; nil if there is one
	Spec       string   // the standard, or the program whose source defines it
}

// A Confidence says how sure Detect is.
type Confidence int

// The degrees of confidence.
const (
	No       Confidence = iota
	Possible            // the shape fits, others may fit too
	Likely              // the shape fits and nothing else known has it
	Certain             // a magic number or header that only this format has
)

// A Detection is the result of [Detect].
type Detection struct {
	Format     Format
	Confidence Confidence
	Reason     string // one printable sentence: why
	Base64     bool   // the input is base64 of the format
}
