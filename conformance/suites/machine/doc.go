// Package machine puts our server before clients that break the rules: messages at the
// wrong time, forged and oversized ones, floods, and the attacks that servers are known to
// have fallen to, by their CVE numbers. Requirements that any server has to meet are in
// conformance/protocol; here is what ours promises in docs/PROTOCOL.md.
package machine
