package jks

import (
	"slices"

	"gatehouse/keyfmt/internal/fault"
)

// Limits of a serialised object, far above what a key needs.
const (
	maxSerialDepth   = 16
	maxSerialHandles = 256
)

// Type codes of the Java Object Serialization Specification, section 6.4.2.
const (
	tcNull         = 0x70
	tcReference    = 0x71
	tcClassDesc    = 0x72
	tcObject       = 0x73
	tcString       = 0x74
	tcArray        = 0x75
	tcBlockData    = 0x77
	tcEndBlockData = 0x78
	tcLongString   = 0x7c
	tcEnum         = 0x7e

	baseHandle   = 0x7e0000
	streamHeader = 0xaced0005 // magic and version
)

// Class description flags, section 6.4.2.
const (
	scWriteMethod  = 1
	scSerializable = 2
)

// A javaClass is a class description (newClassDesc).
type javaClass struct {
	name   string
	flags  byte
	fields []javaField
	super  *javaClass
}

type javaField struct {
	code byte // B C D F I J S Z [ L
	name string
}

// A javaObject is an instance: its class and the fields of all classes of its line by name.
type javaObject struct {
	class  *javaClass
	fields map[string]any // *javaObject, *javaClass, string, []byte, javaEnum, uint64 or nil
}

func (o *javaObject) bytes(name string) []byte { b, _ := o.fields[name].([]byte); return b }
func (o *javaObject) text(name string) string  { s, _ := o.fields[name].(string); return s }

// endOfBlock stands for tcEndBlockData.
type endOfBlock struct{}

// A javaEnum is the name of an enum constant.
type javaEnum string

// A serialReader decodes the stream of one java.io.ObjectOutputStream, as far as keys and
// sealed objects use it: objects, strings, enums and arrays of bytes.
type serialReader struct {
	reader
	handles []any
	depth   int
}

// readObject takes one serialised object with its stream header, and nothing behind it.
func readObject(r reader) (*javaObject, error) {
	if header := r.Uint32(); r.Err() != nil || header != streamHeader {
		return nil, fault.Malformed("serialised object", "no Java object stream")
	}
	s := &serialReader{reader: r}
	v, err := s.content()
	if err != nil {
		return nil, err
	}
	o, ok := v.(*javaObject)
	if !ok {
		return nil, fault.Unsupported("serialised object", "a Java object stream without object")
	}
	return o, nil
}

// content takes one element of the stream.
func (s *serialReader) content() (any, error) {
	if s.depth++; s.depth > maxSerialDepth {
		return nil, fault.Malformed("serialised object", "Java objects nest deeper than %d", maxSerialDepth)
	}
	defer func() { s.depth-- }()
	code := s.Byte()
	if err := s.Err(); err != nil {
		return nil, err
	}
	switch code {
	case tcNull:
		return nil, nil
	case tcReference:
		return s.reference()
	case tcClassDesc:
		return s.classDesc()
	case tcObject:
		return s.object()
	case tcString:
		return s.text(s.uint16())
	case tcLongString:
		if s.Uint32() != 0 {
			return nil, fault.Malformed("serialised object", "oversized Java string")
		}
		return s.text(int(s.Uint32()))
	case tcArray:
		return s.array()
	case tcEnum:
		return s.enum()
	case tcEndBlockData:
		return endOfBlock{}, nil
	case tcBlockData:
		return s.Bytes(int(s.Byte())), s.Err()
	}
	return nil, fault.Unsupported("serialised object", "Java serialisation code %#x", code)
}

// hold gives v the next handle, by which later elements refer to it.
func (s *serialReader) hold(v any) (int, error) {
	if len(s.handles) == maxSerialHandles {
		return 0, fault.Malformed("serialised object", "over %d Java objects", maxSerialHandles)
	}
	s.handles = append(s.handles, v)
	return len(s.handles) - 1, nil
}

func (s *serialReader) reference() (any, error) {
	i := int64(s.Uint32()) - baseHandle
	if s.Err() != nil || i < 0 || i >= int64(len(s.handles)) {
		return nil, fault.Malformed("serialised object", "dangling Java reference")
	}
	return s.handles[i], nil
}

func (s *serialReader) text(n int) (any, error) {
	b := s.Bytes(n)
	if err := s.Err(); err != nil {
		return nil, err
	}
	text, err := decodeUTF(b)
	if err != nil {
		return nil, err
	}
	_, err = s.hold(text)
	return text, err
}

// class takes a class description, new or referred to; nil is none.
func (s *serialReader) class() (*javaClass, error) {
	v, err := s.content()
	if err != nil || v == nil {
		return nil, err
	}
	c, ok := v.(*javaClass)
	if !ok {
		return nil, fault.Malformed("serialised object", "a Java class is described by %T", v)
	}
	return c, nil
}

// classDesc: utf name, long serialVersionUID, handle, byte flags, short n, n fields,
// annotations up to tcEndBlockData, class description of the super class.
func (s *serialReader) classDesc() (*javaClass, error) {
	name, err := s.utf()
	if err != nil {
		return nil, err
	}
	s.Uint64()
	c := &javaClass{name: name}
	if _, err := s.hold(c); err != nil {
		return nil, err
	}
	c.flags = s.Byte()
	for range s.uint16() {
		f, err := s.field()
		if err != nil {
			return nil, err
		}
		c.fields = append(c.fields, f)
	}
	if err := s.annotations(); err != nil {
		return nil, err
	}
	c.super, err = s.class()
	return c, err
}

func (s *serialReader) field() (javaField, error) {
	f := javaField{code: s.Byte()}
	var err error
	if f.name, err = s.utf(); err != nil {
		return f, err
	}
	if f.code == '[' || f.code == 'L' {
		_, err = s.content() // its type, a string
	}
	return f, err
}

// annotations skips what a writeObject method adds behind the fields.
func (s *serialReader) annotations() error {
	for {
		v, err := s.content()
		if err != nil {
			return err
		}
		if _, end := v.(endOfBlock); end {
			return nil
		}
	}
}

// object: class description, handle, then the fields of each class from the top of its line.
func (s *serialReader) object() (any, error) {
	class, err := s.class()
	if err != nil {
		return nil, err
	}
	if class == nil {
		return nil, fault.Malformed("serialised object", "a Java object without class")
	}
	o := &javaObject{class: class, fields: map[string]any{}}
	if _, err := s.hold(o); err != nil {
		return nil, err
	}
	var line []*javaClass
	for c := class; c != nil; c = c.super {
		if len(line) == maxSerialDepth { // a class can name itself as its super class
			return nil, fault.Malformed("serialised object", "Java class %q has no end of super classes", c.name)
		}
		line = append(line, c)
	}
	slices.Reverse(line)
	for _, c := range line {
		if err := s.classData(c, o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (s *serialReader) classData(c *javaClass, o *javaObject) error {
	if c.flags&scSerializable == 0 {
		return fault.Unsupported("serialised object", "Java class %q writes itself", c.name)
	}
	for _, f := range c.fields {
		v, err := s.value(f.code)
		if err != nil {
			return err
		}
		o.fields[f.name] = v
	}
	if c.flags&scWriteMethod != 0 {
		return s.annotations()
	}
	return s.Err()
}

// value takes a field of the given type.
func (s *serialReader) value(code byte) (any, error) {
	switch code {
	case 'B', 'Z':
		return uint64(s.Byte()), s.Err()
	case 'C', 'S':
		return uint64(s.uint16()), s.Err()
	case 'F', 'I':
		return uint64(s.Uint32()), s.Err()
	case 'D', 'J':
		return s.Uint64(), s.Err()
	case '[', 'L':
		return s.content()
	}
	return nil, fault.Malformed("serialised object", "Java field type %#x", code)
}

// array: class description, handle, int n, n elements. Only arrays of bytes occur in keys.
func (s *serialReader) array() (any, error) {
	class, err := s.class()
	if err != nil {
		return nil, err
	}
	if class == nil || class.name != "[B" {
		return nil, fault.Unsupported("serialised object", "a Java array that is not of bytes")
	}
	b := s.String() // an int of length and the bytes, as SSH counts its strings
	if err := s.Err(); err != nil {
		return nil, err
	}
	_, err = s.hold(b)
	return b, err
}

// enum: class description, handle, name of the constant.
func (s *serialReader) enum() (any, error) {
	if _, err := s.class(); err != nil {
		return nil, err
	}
	i, err := s.hold(nil)
	if err != nil {
		return nil, err
	}
	v, err := s.content()
	if err != nil {
		return nil, err
	}
	name, _ := v.(string)
	s.handles[i] = javaEnum(name)
	return s.handles[i], nil
}
