package auth

import "fmt"

// A ProtocolError is a message that is malformed or that has no place here.
type ProtocolError struct {
	Got      string // what came
	Expected string // what would have been legal
	Err      error  // why it is malformed, or nil
}

func (e *ProtocolError) Error() string {
	s := fmt.Sprintf("auth: step: got %s, expected %s", e.Got, e.Expected)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

// A LimitError is one attempt, probe or message too many.
type LimitError struct {
	What  string // "failures", "probes", "rounds", "queued requests" or "queued bytes"
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("auth: step: too many %s: limit is %d", e.What, e.Limit)
}

// A ServiceError is a request for a service that does not exist (RFC 4252, section 5).
type ServiceError struct{ Service string }

func (e *ServiceError) Error() string {
	return fmt.Sprintf("auth: step: service %q is not available", e.Service)
}
