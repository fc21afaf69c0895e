//go:build !race

package interop

// raceEnabled says that the race detector slows everything down.
const raceEnabled = false
