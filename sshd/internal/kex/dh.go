package kex

import "math/big"

var one = big.NewInt(1)
