module gatehouse/certtool

go 1.26.0

require (
	gatehouse/certstore v0.0.0
	gatehouse/keyfmt v0.0.0
)

replace gatehouse/keyfmt => ../../keyfmt

replace gatehouse/certstore => ../../certstore
