// Package interop drives real programs against our server.
package interop

//go:generate go run gatehouse/conformance/cmd/algorithms -doc ../../docs/ALGORITHMS.md
