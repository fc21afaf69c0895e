package engine

import (
	"testing"

	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// openChannel returns a peer with an open channel whose windows do not end.
func openChannel(t testing.TB) (*peer, *mux.Channel) {
	p := start(t, atOpen, func(c *Config) { c.Mux.Window, c.Mux.MaxWindow = 1<<31, 1<<31 }, strictInit)
	return p, p.channel(1<<32 - 1)
}

func TestDataStepDoesNotAllocate(t *testing.T) {
	p, c := openChannel(t)
	data := on(msg.ChannelData, c.ID(), str(string(make([]byte, 1000))))
	var batches []*Batch
	if n := testing.AllocsPerRun(1000, func() {
		p.e.Step(data, 1, 1100)
		p.e.Mux().Consumed(c, 1000)
		for _, b := range p.e.Take(batches) {
			Recycle(b)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a data message", n)
	}
}

func BenchmarkStepData(b *testing.B) {
	p, c := openChannel(b)
	data := on(msg.ChannelData, c.ID(), str(string(make([]byte, 32000))))
	b.SetBytes(32000)
	b.ReportAllocs()
	for b.Loop() {
		p.e.Step(data, 1, 0)
		p.e.Mux().Consumed(c, 32000)
		for _, batch := range p.e.Take(nil) {
			Recycle(batch)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	p, c := openChannel(b)
	data := make([]byte, 32000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var batches []*Batch
	for b.Loop() {
		p.e.kx.volume = volume{limit: 1 << 62}
		if n, err := p.e.Write(c, data, false); n != len(data) || err != nil {
			p.send(on(msg.ChannelWindowAdjust, c.ID(), u32(1<<31)))
		}
		batches = p.e.Take(batches)
		for _, batch := range batches {
			Recycle(batch)
		}
	}
}
