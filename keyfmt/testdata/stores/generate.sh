#!/bin/sh
# Makes the key stores of this folder with the programs that own their formats:
# openssl 3, keytool (Java 17), BouncyCastle 1.72, pk12util of NSS and certtool of GnuTLS.
# All of them hold the key of key.pem, leaf.pem (its certificate) or ca.pem (the issuer).
# The password is "correct horse" where the file name does not say otherwise; entries with
# a password of their own have "entry horse".
set -eu
cd "$(dirname "$0")"
BC=${BC:-/usr/share/java/bcprov.jar}
PASS='correct horse'
ENTRY='entry horse'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f ./*.p12 ./*.jks ./*.jceks ./*.bks ./*.bksv1 ./*.uber ./*.bcfks ./*.p7b ./*.pem ./*.der

# An identity: an EC key, its certificate, the issuer and a revocation list.
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -new -x509 -key "$work/ca.key" -subj '/CN=Store CA/O=Gatehouse' -days 36500 -out ca.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
openssl req -new -key key.pem -subj '/CN=store.example/O=Gatehouse' -out "$work/leaf.csr"
echo 'subjectKeyIdentifier=hash' > "$work/leaf.ext"
openssl x509 -req -in "$work/leaf.csr" -extfile "$work/leaf.ext" -CA ca.pem -CAkey "$work/ca.key" -set_serial 2 -days 36500 -out leaf.pem
: > "$work/index.txt"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\ndefault_md=sha256\ndefault_crl_days=36500\n' "$work" > "$work/ca.cnf"
openssl ca -config "$work/ca.cnf" -gencrl -cert ca.pem -keyfile "$work/ca.key" -out crl.pem

# PKCS #12 by openssl
p12() { out=$1; shift; openssl pkcs12 -export -inkey key.pem -in leaf.pem -certfile ca.pem -name 'Store Key' -out "$out" "$@"; }
p12 openssl3.p12 -passout "pass:$PASS"
p12 openssl-sha3.p12 -macalg sha3-256 -passout "pass:$PASS"
p12 openssl-legacy.p12 -legacy -passout "pass:$PASS"
p12 openssl-3des-sha1.p12 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -passout "pass:$PASS"
p12 openssl-rc4.p12 -provider legacy -provider default -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-40 -macalg md5 -passout "pass:$PASS"
p12 openssl-2des-sha384.p12 -provider legacy -provider default -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128 -macalg sha384 -passout "pass:$PASS"
p12 openssl-aes128-sha512.p12 -keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512 -passout "pass:$PASS"
p12 openssl-sha224.p12 -macalg sha224 -passout "pass:$PASS"
p12 openssl-sha512-256.p12 -macalg sha512-256 -passout "pass:$PASS"
p12 openssl-nomac.p12 -nomac -passout "pass:$PASS"
p12 openssl-plain-nomac.p12 -nomac -keypbe NONE -certpbe NONE -passout pass:
p12 openssl-empty-password.p12 -passout pass:
p12 openssl-emoji-password.p12 -passout 'pass:ключ🔑'
openssl pkcs12 -export -nokeys -in leaf.pem -certfile ca.pem -out openssl-certs.p12 -passout "pass:$PASS"
openssl pkcs12 -export -nocerts -inkey key.pem -out openssl-key.p12 -passout "pass:$PASS"

# PKCS #12 by NSS
printf '%s' "$PASS" > "$work/pass"
mkdir "$work/nss"
certutil -N -d "$work/nss" --empty-password
pk12util -i openssl3.p12 -d "$work/nss" -w "$work/pass" -K ''
pk12util -o nss.p12 -n 'Store Key' -d "$work/nss" -w "$work/pass" -K ''

# PKCS #12 by GnuTLS
certtool --to-p12 --load-privkey key.pem --load-certificate leaf.pem --p12-name 'Store Key' \
	--password "$PASS" --outder --outfile gnutls.p12

# Stores by keytool: the key twice, the second time with a password of its own, a trusted
# certificate, a secret key where the type has them.
keytool_store() { # type file provider-options...
	type=$1 file=$2; shift 2
	keytool -importkeystore -noprompt -srckeystore openssl3.p12 -srcstoretype PKCS12 -srcstorepass "$PASS" -srcalias 'store key' \
		-destkeystore "$file" -deststoretype "$type" -deststorepass "$PASS" -destkeypass "$PASS" -destalias first "$@"
	case $type in PKCS12) own=$PASS ;; *) own=$ENTRY ;; esac
	keytool -importkeystore -noprompt -srckeystore openssl3.p12 -srcstoretype PKCS12 -srcstorepass "$PASS" -srcalias 'store key' \
		-destkeystore "$file" -deststoretype "$type" -deststorepass "$PASS" -destkeypass "$own" -destalias second "$@"
	keytool -importcert -noprompt -file ca.pem -alias trusted -keystore "$file" -storetype "$type" -storepass "$PASS" "$@"
	case $type in
	JKS) ;;
	*) keytool -genseckey -keyalg AES -keysize 256 -alias secret -keystore "$file" -storetype "$type" -storepass "$PASS" -keypass "$PASS" "$@" ;;
	esac
}
# BouncyCastle writes its first version only when told to.
bc() { keytool_store "$1" "$2" -J-Dorg.bouncycastle.bks.enable_v1=true -providerclass org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath "$BC"; }
keytool_store PKCS12 keytool.p12
keytool_store JKS keytool.jks
keytool_store JCEKS keytool.jceks
bc BKS bouncycastle.bks
bc BKS-V1 bouncycastle.bksv1
bc UBER bouncycastle.uber
bc BCFKS bouncycastle.bcfks

# What keytool has no option for.
javac -cp "$BC" -d "$work" MakeStores.java
java -cp "$BC:$work" MakeStores openssl3.p12 "$PASS" "$ENTRY" .

# PKCS #7
openssl crl2pkcs7 -in crl.pem -certfile ca.pem -certfile leaf.pem -out certs-crl.pem.p7b
openssl crl2pkcs7 -in crl.pem -certfile ca.pem -certfile leaf.pem -outform DER -out certs-crl.p7b
openssl crl2pkcs7 -nocrl -outform DER -out empty.p7b
echo message | openssl cms -sign -signer leaf.pem -inkey key.pem -certfile ca.pem -stream -indef -nodetach -outform DER -out signed-ber.p7b
echo message | openssl cms -sign -keyid -signer leaf.pem -inkey key.pem -nodetach -outform PEM -out signed-v3.pem.p7b
echo message | openssl cms -encrypt -outform DER -out enveloped.p7b leaf.pem
