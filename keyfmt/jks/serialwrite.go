package jks

import (
	"encoding/binary"
)

// A writtenClass is a class that serialise can write.
type writtenClass struct {
	name   string
	uid    uint64
	fields []javaField // in the order of the specification: by name, as none is primitive
	super  *writtenClass
}

// A serialWriter encodes an object whose fields are strings and arrays of bytes. Only
// what occurs again gets a reference: class descriptions and type names.
type serialWriter struct {
	out     []byte
	handles map[string]uint32 // of class descriptions by name and of strings by value
	next    uint32
	err     error
}

// serialise writes one object; values are those of the fields, super classes first.
func serialise(class *writtenClass, values ...any) ([]byte, error) {
	w := &serialWriter{handles: map[string]uint32{}, next: baseHandle}
	w.out = binary.BigEndian.AppendUint32(w.out, streamHeader)
	w.out = append(w.out, tcObject)
	w.class(class)
	w.next++
	for _, v := range values {
		switch v := v.(type) {
		case string:
			w.string(v)
		case []byte:
			w.out = append(w.out, tcArray)
			w.class(&classBytes)
			w.next++
			w.out = binary.BigEndian.AppendUint32(w.out, uint32(len(v)))
			w.out = append(w.out, v...)
		}
	}
	return w.out, w.err
}

// again writes a reference to key if it was written before; else it gives key a handle.
func (w *serialWriter) again(key string) bool {
	if h, ok := w.handles[key]; ok {
		w.out = append(w.out, tcReference)
		w.out = binary.BigEndian.AppendUint32(w.out, h)
		return true
	}
	w.handles[key] = w.next
	w.next++
	return false
}

func (w *serialWriter) utf(s string) {
	out, err := appendUTF(w.out, s)
	if err != nil {
		w.err = err
		return
	}
	w.out = out
}

func (w *serialWriter) string(s string) {
	if !w.again("string " + s) {
		w.out = append(w.out, tcString)
		w.utf(s)
	}
}

func (w *serialWriter) class(c *writtenClass) {
	if c == nil {
		w.out = append(w.out, tcNull)
		return
	}
	if w.again("class " + c.name) {
		return
	}
	w.out = append(w.out, tcClassDesc)
	w.utf(c.name)
	w.out = binary.BigEndian.AppendUint64(w.out, c.uid)
	w.out = append(w.out, scSerializable, byte(len(c.fields)>>8), byte(len(c.fields)))
	for _, f := range c.fields {
		w.out = append(w.out, f.code)
		w.utf(f.name)
		if f.code == '[' {
			w.string("[B")
		} else {
			w.string("Ljava/lang/String;")
		}
	}
	w.out = append(w.out, tcEndBlockData)
	w.class(c.super)
}
