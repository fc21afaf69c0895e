package peer

// The structs of this file are faults that a test orders, one per layer. The zero value
// of each is a peer that behaves.

// WireFaults spoil one packet; see [Conn.WriteFaulty].
type WireFaults struct {
	Padding      int    // bytes of padding beyond the least that is legal; may break the alignment
	PaddingField int    // value of padding_length in place of the true one, if not 0
	LengthField  uint32 // value of packet_length in place of the true one, if not 0
	FlipTag      bool   // spoils the last byte: of the tag, or of the plain packet
	FlipBody     bool   // spoils a byte in the middle, behind the length
	TruncateAt   int    // sends only so many bytes, if not 0
}

// KexFaults spoil key exchanges.
type KexFaults struct {
	BeforeKexInit [][]byte // messages sent before our KEXINIT
	AfterKexInit  [][]byte // messages sent right behind our KEXINIT
	BeforeNewKeys [][]byte // messages sent in the place before our NEWKEYS
	SecondKexInit bool     // sends KEXINIT twice
	SkipNewKeys   bool     // uses the new keys without announcing them
	WrongGuess    bool     // says first_kex_packet_follows and sends a packet of a method that is not chosen
	Public        []byte   // our public value in place of a sound one: mpint content, point or string
	ExtraKex      []string // names to add to the list of methods
	EmptyName     bool     // the list of methods ends in an empty name
	Reserved      uint32   // value of the field that has to be 0
}

// AuthFaults spoil authentication requests.
type AuthFaults struct {
	Service       string // service in place of ssh-connection
	FlipSignature bool   // spoils the signature
	OtherSession  bool   // signs the identifier of another session
	OtherUser     string // signs this user name in place of the one in the request
	SignAs        string // algorithm name inside the signature in place of the true one
	Trailing      []byte // bytes behind the last field
}

// ChannelFaults spoil what a channel sends.
type ChannelFaults struct {
	IgnoreWindow    bool // sends more than the window allows
	IgnoreMaxPacket bool // sends data in one message, however long
	KeepWindowShut  bool // never sends WINDOW_ADJUST
}
