package auth

import "gatehouse/sshd/internal/alg"

// A Kind says which field of a Question is set and which outcomes answer it.
type Kind uint8

// The kinds of questions.
const (
	KindNone           Kind = iota // "none": may this user in without any credential?
	KindOffer                      // is this public key worth a signature? Nothing is proven
	KindProof                      // may the holder of this key in?
	KindPassword                   // is this the password?
	KindPasswordChange             // replace the password, then decide
	KindInteractive                // what to ask next, or the verdict on the answers
	KindHostbased                  // may this user of that host in?
)

// String returns the name of the kind for errors and logs.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return "unknown"
}

// A Question is a decision that the machine needs. It is put at most once, and at most
// one is open.
type Question struct {
	ID      uint64 // for Answer
	Kind    Kind
	User    string // as sent: neither checked to be UTF-8 nor free of control characters
	Service string
	Method  string // as listed: not the variant of it that was sent
	Passed  []Step // what this user has passed before

	// Offer is the key of an offer, a proof or a host-based request.
	Offer *Offer

	// Verify checks the signature of a proof or a host-based request. It is costly and
	// safe to call from any goroutine; the work is done once. Call it before Answer and
	// outside of any lock, and ask the application only if it returns no error. Accept
	// and Partial call it again, so that an unproven key cannot pass by a slip.
	Verify func() (alg.SignInfo, error)

	// Password and NewPassword (of a change) are wiped by Answer.
	Password    []byte
	NewPassword []byte

	Interactive *Interactive
	Hostbased   *Hostbased
}

// An Offer is a public key that a client named. It says nothing about who the client is.
type Offer struct {
	Algorithm string // signature algorithm of the request
	Blob      []byte // the key as sent
	Key       *alg.PublicKey
}

// Interactive is a round of a keyboard-interactive dialogue (RFC 4256).
type Interactive struct {
	Submethods string   // the client's hint
	Round      int      // 0 for the request, then the number of the answered challenge
	Responses  [][]byte // to the prompts of the last challenge, in order; wiped by Answer
}

// Hostbased is what a client says about itself (RFC 4252, section 9). Only the signature
// by the host's key is proven, and only after Verify.
type Hostbased struct {
	ClientHost string
	ClientUser string
}

// An Outcome is the answer to a Question. What a kind has no use for is a Reject.
type Outcome uint8

// The outcomes.
const (
	Reject         Outcome = iota // failure
	Accept                        // success; for an offer: ask for the signature
	Partial                       // right, but more is needed
	Challenge                     // of a dialogue: send Decision.Challenge
	ChangePassword                // of a password: ask for a new one
)

// A Decision answers a Question. Its zero value rejects.
type Decision struct {
	Outcome Outcome

	// Methods replaces the methods that can continue for this user, from the reply to this
	// request on. If nil they stay as they are, except that a Partial takes away the
	// method that it completed.
	Methods []string

	// Banners are shown to the user before the reply (RFC 4252, section 5.4).
	Banners []string

	// WithoutTouch accepts the signature of a security key that nobody touched.
	WithoutTouch bool

	// Identity is kept in the Step that an Accept or Partial makes. It means nothing here.
	Identity any

	Challenge *Dialogue // with Challenge
	Prompt    string    // with ChangePassword: why and how
}

// A Dialogue is what a keyboard-interactive challenge shows. No prompts is legal: the
// client then shows the texts and answers with no responses.
type Dialogue struct {
	Name        string
	Instruction string
	Prompts     []Prompt
}

// A Prompt is one question of a Dialogue.
type Prompt struct {
	Text string
	Echo bool // whether the client may show what is typed
}

// A Step is a method that was passed, alone or on the way to success.
type Step struct {
	Method string // as listed
	Offer  *Offer // the proven key, nil if the method has none
	Sign   alg.SignInfo

	Identity any // of the Decision
}

// A Result is a user who was let in. Only this package makes one, from a request whose
// method was verified and accepted.
type Result struct {
	user, service string
	steps         []Step
}

// User returns the name that all steps were taken for.
func (r *Result) User() string { return r.user }

// Service returns the service to start, always "ssh-connection".
func (r *Result) Service() string { return r.service }

// Steps returns the methods that were passed; the last one completed the authentication.
func (r *Result) Steps() []Step { return r.steps }

// Method returns the method that completed the authentication.
func (r *Result) Method() string { return r.steps[len(r.steps)-1].Method }
