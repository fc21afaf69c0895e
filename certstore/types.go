package certstore

import (
	"fmt"
	"slices"

	"gatehouse/keyfmt"
)

// A Type is a kind of store. The numbers are those of the reference manual.
type Type int

// The types of stores.
const (
	TypeUser             Type = 0
	TypeMachine          Type = 1
	TypePFXFile          Type = 2
	TypePFXBlob          Type = 3
	TypeJKSFile          Type = 4
	TypeJKSBlob          Type = 5
	TypePEMKeyFile       Type = 6
	TypePEMKeyBlob       Type = 7
	TypePublicKeyFile    Type = 8
	TypePublicKeyBlob    Type = 9
	TypeSSHPublicKeyBlob Type = 10 // blob before file, unlike the other pairs
	TypeP7BFile          Type = 11
	TypeP7BBlob          Type = 12
	TypeSSHPublicKeyFile Type = 13
	TypePPKFile          Type = 14
	TypePPKBlob          Type = 15
	TypeXMLFile          Type = 16
	TypeXMLBlob          Type = 17
	TypeJWKFile          Type = 18
	TypeJWKBlob          Type = 19
	TypeSecurityKey      Type = 20
	TypeBCFKSFile        Type = 21
	TypeBCFKSBlob        Type = 22
	TypeAuto             Type = 99 // whatever the content proves to be
)

// A Place is where the content of a store type is found.
type Place string

// The places.
const (
	PlaceFile   Place = "file"   // Config.Location is a path
	PlaceBlob   Place = "blob"   // Config.Data is the content
	PlaceName   Place = "name"   // Config.Location is the name of a store
	PlaceDevice Place = "device" // Config.Location or Data names a device and what is on it
	PlaceAny    Place = "any"    // Config.Data if there is any, else Config.Location as path
)

// A TypeInfo describes a store type: a row of the table below.
type TypeInfo struct {
	Type    Type
	Name    string // "PFXFile", the constant without its prefix
	Title   string
	Place   Place
	Formats []keyfmt.Format // formats accepted; nil for all, or for a store that has none
}

// What each pair of types takes. A name is here where files of that format go by the
// name of the type: since Java 9 most ".jks" files are PKCS #12.
var (
	pfxFormats = []keyfmt.Format{keyfmt.FormatPKCS12}
	jksFormats = []keyfmt.Format{keyfmt.FormatJKS, keyfmt.FormatJCEKS, keyfmt.FormatBKS, keyfmt.FormatUBER,
		keyfmt.FormatPKCS12}
	pemKeyFormats = []keyfmt.Format{keyfmt.FormatPEM, keyfmt.FormatPKCS8, keyfmt.FormatPKCS1, keyfmt.FormatSEC1,
		keyfmt.FormatDSA, keyfmt.FormatOpenSSH, keyfmt.FormatSSHCom, keyfmt.FormatPVK}
	publicKeyFormats = []keyfmt.Format{keyfmt.FormatX509, keyfmt.FormatSPKI, keyfmt.FormatPEM, keyfmt.FormatPKCS1,
		keyfmt.FormatPkiPath}
	sshPublicFormats = []keyfmt.Format{keyfmt.FormatSSHPublic, keyfmt.FormatRFC4716}
	p7bFormats       = []keyfmt.Format{keyfmt.FormatPKCS7}
	ppkFormats       = []keyfmt.Format{keyfmt.FormatPPK}
	xmlFormats       = []keyfmt.Format{keyfmt.FormatXML}
	jwkFormats       = []keyfmt.Format{keyfmt.FormatJWK, keyfmt.FormatJWE}
	bcfksFormats     = []keyfmt.Format{keyfmt.FormatBCFKS}
)

// typeTable is the only place that says what a number means.
var typeTable = []TypeInfo{
	{TypeUser, "User", "store of the user", PlaceName, nil},
	{TypeMachine, "Machine", "store of the machine", PlaceName, nil},
	{TypePFXFile, "PFXFile", "PFX file", PlaceFile, pfxFormats},
	{TypePFXBlob, "PFXBlob", "PFX blob", PlaceBlob, pfxFormats},
	{TypeJKSFile, "JKSFile", "Java key store file", PlaceFile, jksFormats},
	{TypeJKSBlob, "JKSBlob", "Java key store blob", PlaceBlob, jksFormats},
	{TypePEMKeyFile, "PEMKeyFile", "private key file", PlaceFile, pemKeyFormats},
	{TypePEMKeyBlob, "PEMKeyBlob", "private key blob", PlaceBlob, pemKeyFormats},
	{TypePublicKeyFile, "PublicKeyFile", "public key file", PlaceFile, publicKeyFormats},
	{TypePublicKeyBlob, "PublicKeyBlob", "public key blob", PlaceBlob, publicKeyFormats},
	{TypeSSHPublicKeyBlob, "SSHPublicKeyBlob", "SSH public key blob", PlaceBlob, sshPublicFormats},
	{TypeP7BFile, "P7BFile", "PKCS #7 file", PlaceFile, p7bFormats},
	{TypeP7BBlob, "P7BBlob", "PKCS #7 blob", PlaceBlob, p7bFormats},
	{TypeSSHPublicKeyFile, "SSHPublicKeyFile", "SSH public key file", PlaceFile, sshPublicFormats},
	{TypePPKFile, "PPKFile", "PuTTY key file", PlaceFile, ppkFormats},
	{TypePPKBlob, "PPKBlob", "PuTTY key blob", PlaceBlob, ppkFormats},
	{TypeXMLFile, "XMLFile", "XML key file", PlaceFile, xmlFormats},
	{TypeXMLBlob, "XMLBlob", "XML key blob", PlaceBlob, xmlFormats},
	{TypeJWKFile, "JWKFile", "JSON Web Key file", PlaceFile, jwkFormats},
	{TypeJWKBlob, "JWKBlob", "JSON Web Key blob", PlaceBlob, jwkFormats},
	{TypeSecurityKey, "SecurityKey", "security key", PlaceDevice, nil},
	{TypeBCFKSFile, "BCFKSFile", "BCFKS file", PlaceFile, bcfksFormats},
	{TypeBCFKSBlob, "BCFKSBlob", "BCFKS blob", PlaceBlob, bcfksFormats},
	{TypeAuto, "Auto", "store of any type", PlaceAny, nil},
}

// Types lists the store types by number.
func Types() []TypeInfo { return slices.Clone(typeTable) }

// String returns the title of the type: "PFX file".
func (t Type) String() string {
	if info, ok := t.info(); ok {
		return info.Title
	}
	return fmt.Sprintf("store type %d", int(t))
}

// Valid reports whether the number means a store type.
func (t Type) Valid() bool { _, ok := t.info(); return ok }

func (t Type) info() (TypeInfo, bool) {
	i := slices.IndexFunc(typeTable, func(row TypeInfo) bool { return row.Type == t })
	if i < 0 {
		return TypeInfo{}, false
	}
	return typeTable[i], true
}

// typeOf returns the type that content of a format belongs to, TypeAuto if no type takes
// the format. Content without a private key is no store of private keys.
func typeOf(f keyfmt.Format, place Place, hasKey bool) Type {
	for _, row := range typeTable {
		if row.Place != place || !slices.Contains(row.Formats, f) {
			continue
		}
		if hasKey || f != keyfmt.FormatPEM || !slices.Contains(row.Formats, keyfmt.FormatPKCS8) {
			return row.Type
		}
	}
	return TypeAuto
}
