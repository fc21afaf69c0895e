// Package suites is the root of the black-box suites, one folder for each area. Their
// tests reach the server through its public interface and the network alone, and claim
// the behaviours that they prove with cover.Covers.
package suites
