#!/bin/sh
# Makes the files beside it. Made with ssh-keygen of OpenSSH 9.2p1, puttygen 0.78 and
# OpenSSL 3.0.19. The password is "correct horse" everywhere, but in latin1.ppk, where it
# is "Grüße" in ISO 8859-1. Keys are small where that is allowed, for they protect nothing.
set -eu
cd "$(dirname "$0")"
rm -f -- *_key *_key.pub *.ppk *.pvk *.sshcom *.ssh2 *-cert.pub known_hosts* sshfp enc-* ca ca.pub
password='correct horse'
pass=$(mktemp)
old=$(mktemp)
trap 'rm -f "$pass" "$old"' EXIT
printf '%s\n' "$password" >"$pass"
: >"$old"

new() { # name, comment, options of ssh-keygen
	name=$1 comment=$2
	shift 2
	ssh-keygen -q -N '' -C "$comment" -f "$name" "$@"
}
new rsa_key 'an RSA key' -t rsa -b 1024
new dsa_key 'a DSA key' -t dsa
new ecdsa256_key 'a P-256 key' -t ecdsa -b 256
new ecdsa384_key 'a P-384 key' -t ecdsa -b 384
new ecdsa521_key 'a P-521 key' -t ecdsa -b 521
new ed25519_key 'an Ed25519 key' -t ed25519
puttygen -q -t ed448 -C 'an Ed448 key' --new-passphrase "$old" -O private-openssh-new -o ed448_key
puttygen ed448_key -O public-openssh -o ed448_key.pub

for cipher in $(ssh -Q cipher); do
	cp ed25519_key "enc-$cipher"
	ssh-keygen -q -p -Z "$cipher" -a 2 -P '' -N "$password" -f "enc-$cipher" >/dev/null
done

new ca 'the authority' -t ed25519
for key in rsa dsa ecdsa256 ecdsa384 ecdsa521 ed25519; do
	ssh-keygen -q -s ca -I "key of $key" -z 42 -n alice,bob -V 20260101000000Z:20360101000000Z \
		-O source-address=192.0.2.0/24 -O no-pty "${key}_key.pub"
done
ssh-keygen -q -s ca -h -I 'a host' -n host.example ca.pub

for key in rsa dsa ecdsa256 ecdsa384 ecdsa521 ed25519 ed448; do
	puttygen "${key}_key" -O private -o "$key.ppk"
	puttygen "${key}_key" -O private --ppk-param version=2 -o "$key-v2.ppk"
done
for kdf in argon2id argon2i argon2d; do
	puttygen ecdsa256_key -O private --new-passphrase "$pass" \
		--ppk-param "kdf=$kdf,memory=64,passes=2,parallelism=2" -o "enc-$kdf.ppk"
done
puttygen dsa_key -O private --new-passphrase "$pass" --ppk-param version=2 -o enc-v2.ppk
printf 'Gr\374\337e\n' >"$pass"
puttygen ed25519_key -O private --new-passphrase "$pass" --ppk-param memory=64,passes=1 -o latin1.ppk
printf '%s\n' "$password" >"$pass"

for key in rsa dsa; do
	puttygen "${key}_key" -O private-sshcom -o "$key.sshcom"
	puttygen "${key}_key" -O private-sshcom --new-passphrase "$pass" -o "enc-$key.sshcom"
	ssh-keygen -e -m RFC4716 -f "${key}_key.pub" >"$key.ssh2"
	cp "${key}_key" "$old"
	ssh-keygen -p -q -m PEM -P '' -N '' -f "$old" >/dev/null
	pvk() { # encryption, file
		openssl "$key" -provider legacy -provider default -in "$old" -outform PVK "-pvk-$1" \
			-passout "pass:$password" -out "$2" 2>/dev/null
	}
	pvk none "$key.pvk"
	pvk strong "enc-$key-strong.pvk"
	pvk weak "enc-$key-weak.pvk"
done
puttygen ed25519_key -O public -C 'a comment that is longer than the seventy-two bytes that a line of RFC 4716 may have' -o ed25519.ssh2

printf 'host.example,192.0.2.1 %s\n' "$(cut -d' ' -f1,2 ed25519_key.pub)" >known_hosts
cp known_hosts known_hosts_hashed
ssh-keygen -q -H -f known_hosts_hashed >/dev/null 2>&1
rm -f known_hosts_hashed.old
printf '@cert-authority *.example %s\n' "$(cat ca.pub)" >>known_hosts
for key in rsa dsa ecdsa256 ed25519; do
	ssh-keygen -r host.example -f "${key}_key.pub"
done >sshfp
rm -f ca
