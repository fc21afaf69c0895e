#!/usr/bin/env python3
"""Writes signatures.json: for each public key algorithm a key blob and a signature, built
with nothing of ours. Made with Python cryptography 48 (OpenSSL 3) for keys, signatures and
X.509, and ssh-keygen of OpenSSH 9.2 for OpenSSH certificates. Blobs of security keys and
their signatures follow OpenSSH PROTOCOL.u2f, with the key in software."""
import base64, datetime, hashlib, json, os, struct, subprocess, tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

os.chdir(os.path.dirname(os.path.abspath(__file__)))
DATA = b"what a server or a user signs"
APP = "ssh:gatehouse"


def s(b):
    b = b.encode() if isinstance(b, str) else b
    return struct.pack(">I", len(b)) + b


def mpint(n):
    return s(n.to_bytes(n.bit_length() // 8 + 1, "big") if n else b"")


RSA = rsa.generate_private_key(65537, 2048)
DSA = dsa.generate_private_key(1024)
EC = {256: ec.generate_private_key(ec.SECP256R1()), 384: ec.generate_private_key(ec.SECP384R1()),
      521: ec.generate_private_key(ec.SECP521R1())}
ED = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()


def raw(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def point(bits):
    return EC[bits].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def rsa_blob():
    n = RSA.public_key().public_numbers()
    return s("ssh-rsa") + mpint(n.e) + mpint(n.n)


def dsa_blob():
    n = DSA.public_key().public_numbers()
    p = n.parameter_numbers
    return s("ssh-dss") + mpint(p.p) + mpint(p.q) + mpint(p.g) + mpint(n.y)


def ec_blob(bits):
    return s(f"ecdsa-sha2-nistp{bits}") + s(f"nistp{bits}") + s(point(bits))


def rsa_sig(h):
    return lambda data: RSA.sign(data, padding.PKCS1v15(), h)


def dsa_der(data):
    return DSA.sign(data, hashes.SHA1())


def dsa_raw(data):
    return b"".join(n.to_bytes(20, "big") for n in decode_dss_signature(dsa_der(data)))


def ec_sig(bits):
    h = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[bits]
    return lambda data: b"".join(map(mpint, decode_dss_signature(EC[bits].sign(data, ec.ECDSA(h)))))


def sha256(b):
    return hashlib.sha256(b).digest()


def assertion(flags, counter, message, extensions=b""):
    return sha256(APP.encode()) + struct.pack(">BI", flags, counter) + extensions + sha256(message)


SK_ED = s("sk-ssh-ed25519@openssh.com") + s(raw(ED)) + s(APP)
SK_EC = s("sk-ecdsa-sha2-nistp256@openssh.com") + s("nistp256") + s(point(256)) + s(APP)


def sk(sign):
    return lambda data: s(sign(assertion(5, 1234, data))) + struct.pack(">BI", 5, 1234)


def webauthn(data):
    origin, ext = "https://www.example.org", b"\xa1\x61\x78\xf5"
    challenge = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": origin,
                         "crossOrigin": False}, separators=(",", ":")).encode()
    sig = ec_sig(256)(assertion(0x81, 7, client, ext))
    return s(sig) + struct.pack(">BI", 0x81, 7) + s(origin) + s(client) + s(ext)


def certify(blob):
    """An OpenSSH host certificate: sk keys get a user certificate, as there are no other."""
    with tempfile.TemporaryDirectory() as d:
        ca, key = os.path.join(d, "ca"), os.path.join(d, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ca], check=True)
        name = blob[4:4 + struct.unpack(">I", blob[:4])[0]].decode()
        with open(key + ".pub", "w") as f:
            f.write(name + " " + base64.b64encode(blob).decode() + "\n")
        host = [] if name.startswith("sk-") else ["-h"]
        subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "vector", *host, "-n", "name", key + ".pub"], check=True)
        with open(key + "-cert.pub") as f:
            return base64.b64decode(f.read().split()[1])


CA = ec.generate_private_key(ec.SECP256R1())


def certificate(public, name, issuer_key=CA):
    start = datetime.datetime(2026, 1, 1)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), start,
                                      start + datetime.timedelta(days=36500))
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


def chain(algorithm, key):
    certs = [certificate(key.public_key(), "host"), certificate(CA.public_key(), "ca")]
    return s(algorithm) + struct.pack(">I", 2) + b"".join(map(s, certs)) + struct.pack(">I", 1) + s(b"staple")


PLAIN = {  # label: key blob, what makes the signature behind the label
    "ssh-ed25519": (s("ssh-ed25519") + s(raw(ED)), lambda d: s(ED.sign(d))),
    "ssh-ed448": (s("ssh-ed448") + s(raw(ED448)), lambda d: s(ED448.sign(d))),
    "rsa-sha2-512": (rsa_blob(), lambda d: s(rsa_sig(hashes.SHA512())(d))),
    "rsa-sha2-256": (rsa_blob(), lambda d: s(rsa_sig(hashes.SHA256())(d))),
    "ssh-rsa": (rsa_blob(), lambda d: s(rsa_sig(hashes.SHA1())(d))),
    "ssh-dss": (dsa_blob(), lambda d: s(dsa_raw(d))),
    "sk-ssh-ed25519@openssh.com": (SK_ED, sk(ED.sign)),
    "sk-ecdsa-sha2-nistp256@openssh.com": (SK_EC, sk(ec_sig(256))),
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com": (SK_EC, webauthn),
}
for bits in EC:
    PLAIN[f"ecdsa-sha2-nistp{bits}"] = ec_blob(bits), lambda d, bits=bits: s(ec_sig(bits)(d))

rows = []


def add(algorithm, blob, label, sign):
    rows.append({"algorithm": algorithm, "blob": blob.hex(), "data": DATA.hex(),
                 "signature": (s(label) + sign(DATA)).hex()})


for label, (blob, sign) in PLAIN.items():
    add(label, blob, label, sign)
    if label != "ssh-ed448":
        add(label.removesuffix("@openssh.com") + "-cert-v01@openssh.com", certify(blob), label, sign)
add("x509v3-rsa2048-sha256", chain("x509v3-rsa2048-sha256", RSA), "rsa2048-sha256", PLAIN["rsa-sha2-256"][1])
add("x509v3-ssh-rsa", chain("x509v3-ssh-rsa", RSA), "ssh-rsa", PLAIN["ssh-rsa"][1])
add("x509v3-ssh-dss", chain("x509v3-ssh-dss", DSA), "ssh-dss", PLAIN["ssh-dss"][1])
for bits in EC:
    name = f"ecdsa-sha2-nistp{bits}"
    add("x509v3-" + name, chain("x509v3-" + name, EC[bits]), name, PLAIN[name][1])
add("x509v3-sign-rsa", certificate(RSA.public_key(), "host"), "x509v3-sign-rsa", PLAIN["ssh-rsa"][1])
for form in (dsa_der, dsa_raw):
    add("x509v3-sign-dss", certificate(DSA.public_key(), "host"), "x509v3-sign-dss", lambda d: s(form(d)))

with open("signatures.json", "w") as f:
    json.dump(rows, f, indent=1)
    f.write("\n")
