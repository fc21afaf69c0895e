#!/bin/sh
# Makes the store of the examples with openssl.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ed25519 -nodes -keyout key.tmp -out cert.tmp -days 36500 -subj '/C=CH/O=Gate, Inc/CN=gate.example'
openssl pkcs12 -export -inkey key.tmp -in cert.tmp -name gate -out gate.pfx -passout 'pass:open sesame' -iter 2048
rm key.tmp cert.tmp
