// Package conformance holds the tests of the project as a whole: the one direction of
// imports, the documents that have to stay true, and the use of each module from outside.
//
// The proof of the documented behaviours lies in the folders below: the behaviours in
// catalogue, the counting in cover, the tests in suites, those with foreign programs in
// interop, and the independent client that the tests drive in peer.
package conformance
