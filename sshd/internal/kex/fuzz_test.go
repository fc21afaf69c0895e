package kex

import (
	"errors"
	"reflect"
	"testing"
)

func FuzzParseInit(f *testing.F) {
	f.Add(testInit.Append(nil))
	f.Add((&Init{}).Append(nil))
	f.Add([]byte{20})
	f.Fuzz(func(t *testing.T, payload []byte) {
		init, err := ParseInit(payload)
		if err != nil {
			return
		}
		again, err := ParseInit(init.Append(nil))
		if err != nil || !reflect.DeepEqual(again, init) {
			t.Errorf("written and read again: %+v, %v, was %+v", again, err, init)
		}
	})
}

// FuzzStep sends a method two messages of any content.
func FuzzStep(f *testing.F) {
	for i := range Methods {
		f.Add(byte(i), msg30(str(make([]byte, 32))), []byte{32})
		f.Add(byte(i), append([]byte{34}, uint32s(2048, 2048, 8192)...), append([]byte{32}, mpint(one)...))
	}
	for size := range map[int]bool{65: true, 97: true, 133: true, 1190: true, 1216: true, 1249: true, 1665: true} {
		f.Add(byte(0), msg30(str(make([]byte, size))), []byte{30})
	}
	f.Fuzz(func(t *testing.T, row byte, first, second []byte) {
		x := Methods[int(row)%len(Methods)].New(&testParams)
		for _, payload := range [][]byte{first, second} {
			effect, err := x.Step(payload)
			if err == nil && (effect.Work == nil) == (effect.Send == nil) {
				t.Fatalf("effect %+v", effect)
			}
			if err == nil && effect.Work != nil {
				_, err = effect.Work()
			}
			if err == nil {
				continue
			}
			_, isValue := errors.AsType[*ValueError](err)
			_, isUnexpected := errors.AsType[*UnexpectedError](err)
			if !isValue && !isUnexpected {
				t.Fatalf("error of type %T: %v", err, err)
			}
			return
		}
	})
}

// BenchmarkExchange is the server's share of a key exchange without the signature.
func BenchmarkExchange(b *testing.B) {
	for _, m := range Methods {
		b.Run(m.Name, func(b *testing.B) {
			r := &recorder{Exchange: m.New(&testParams)}
			clients[m.Name](&peer{b, r})
			b.ReportAllocs()
			for b.Loop() {
				x := m.New(&testParams)
				var err error
				for _, payload := range r.payloads {
					effect, stepErr := x.Step(payload)
					if err = stepErr; err == nil && effect.Work != nil {
						_, err = effect.Work()
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// A recorder keeps the client's messages.
type recorder struct {
	Exchange
	payloads [][]byte
}

func (r *recorder) Step(payload []byte) (Effect, error) {
	r.payloads = append(r.payloads, payload)
	return r.Exchange.Step(payload)
}
