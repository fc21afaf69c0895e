package kex

import (
	"fmt"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// Markers are names in the first key exchange list that state an ability and are no methods.
const (
	ExtInfoClient = "ext-info-c" // RFC 8308, section 2.1
	ExtInfoServer = "ext-info-s"
	StrictClient  = "kex-strict-c-v00@openssh.com" // draft-ietf-sshm-strict-kex
	StrictServer  = "kex-strict-s-v00@openssh.com"
)

func isMarker(name string) bool {
	switch name {
	case ExtInfoClient, ExtInfoServer, StrictClient, StrictServer:
		return true
	}
	return false
}

// MaxInit is the longest KEXINIT payload that ParseInit takes: what every implementation
// must be able to receive (RFC 4253, section 6.1). It bounds the names of all lists together.
const MaxInit = 32768

// Init is SSH_MSG_KEXINIT (RFC 4253, section 7.1):
//
//	byte         20
//	byte[16]     cookie
//	name-list    kex_algorithms
//	name-list    server_host_key_algorithms
//	name-list    encryption_algorithms_client_to_server
//	name-list    encryption_algorithms_server_to_client
//	name-list    mac_algorithms_client_to_server
//	name-list    mac_algorithms_server_to_client
//	name-list    compression_algorithms_client_to_server
//	name-list    compression_algorithms_server_to_client
//	name-list    languages_client_to_server
//	name-list    languages_server_to_client
//	boolean      first_kex_packet_follows
//	uint32       0 (reserved)
type Init struct {
	Cookie                       [16]byte
	Kex, HostKey                 []string
	CiphersCS, CiphersSC         []string
	MACsCS, MACsSC               []string
	CompressionCS, CompressionSC []string
	LanguagesCS, LanguagesSC     []string
	FirstKexFollows              bool
}

// lists returns the name-lists in the order of the wire.
func (i *Init) lists() [10]*[]string {
	return [...]*[]string{
		&i.Kex, &i.HostKey, &i.CiphersCS, &i.CiphersSC, &i.MACsCS, &i.MACsSC,
		&i.CompressionCS, &i.CompressionSC, &i.LanguagesCS, &i.LanguagesSC,
	}
}

// ParseInit reads a KEXINIT payload with its message number. The reserved number at its
// end may have any value, as it is there for extensions.
func ParseInit(payload []byte) (*Init, error) {
	if len(payload) > MaxInit {
		return nil, fmt.Errorf("kex: KEXINIT: %d bytes: limit is %d", len(payload), MaxInit)
	}
	r := sshwire.NewReader(payload)
	if n := r.Byte(); r.Err() == nil && n != msg.KexInit {
		return nil, fmt.Errorf("kex: KEXINIT: got %s", msg.Name(n))
	}
	init := new(Init)
	copy(init.Cookie[:], r.Bytes(len(init.Cookie)))
	for _, list := range init.lists() {
		*list = r.NameList()
	}
	init.FirstKexFollows = r.Bool()
	r.Uint32()
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("kex: KEXINIT: %w", err)
	}
	return init, nil
}

// Append appends the payload, message number included, to b.
func (i *Init) Append(b []byte) []byte {
	b = append(b, msg.KexInit)
	b = append(b, i.Cookie[:]...)
	for _, list := range i.lists() {
		b = sshwire.AppendNameList(b, *list)
	}
	b = sshwire.AppendBool(b, i.FirstKexFollows)
	return sshwire.AppendUint32(b, 0)
}
