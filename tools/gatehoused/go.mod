module gatehouse/gatehoused

go 1.26.0

require (
	gatehouse/certstore v0.0.0
	gatehouse/keyfmt v0.0.0
	gatehouse/sshd v0.0.0
	golang.org/x/sys v0.49.0
)

replace gatehouse/keyfmt => ../../keyfmt

replace gatehouse/certstore => ../../certstore

replace gatehouse/sshd => ../../sshd
