#!/bin/sh
# Makes the private keys of this package anew. The files here were made by OpenSSL 3.0.19.
set -e
cd "$(dirname "$0")/keys"
rm -f ./*.pem
gen() {
	name=$1
	shift
	openssl genpkey "$@" -out "$name.pem" 2>/dev/null
}
gen rsa2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
gen rsa3072 -algorithm RSA -pkeyopt rsa_keygen_bits:3072
gen rsa3prime -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3
gen rsapss -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 \
	-pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32
for curve in P-224 P-256 P-384 P-521 secp256k1 brainpoolP256r1 brainpoolP384t1; do
	gen "$(echo "$curve" | tr -d - | tr 'A-Z' 'a-z')" -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -pkeyopt ec_param_enc:named_curve
done
for name in ED25519 ED448 X25519 X448; do
	gen "$(echo "$name" | tr 'A-Z' 'a-z')" -algorithm "$name"
done
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -pkeyopt dsa_paramgen_q_bits:160 -out dsaparam.tmp 2>/dev/null
gen dsa1024 -paramfile dsaparam.tmp
rm dsaparam.tmp
