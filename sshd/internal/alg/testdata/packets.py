#!/usr/bin/env python3
"""Writes packets.txt: for each cipher and each MAC two packets in a row, as RFC 4253,
section 6, and OpenSSH PROTOCOL describe them, built with nothing of ours. Made with Python
cryptography 48 (OpenSSL 3) for ciphers, hmac and hashlib for HMAC, and nettle 3.8 for UMAC.

A line is: cipher, MAC or "-", the packets in hexadecimal. Key, IV and MAC key are the bytes
that count up from 0x00, 0x40 and 0x80; payloads count up from 1 (30 and 100 bytes), padding
is 0xa5, the sequence numbers are 5 and 6."""
import ctypes, hashlib, hmac, os, struct, subprocess, warnings

warnings.filterwarnings("ignore")
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305
from cryptography.hazmat.decrepit.ciphers import algorithms as old

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def count(start, n):
    return bytes((start + i) & 255 for i in range(n))


PAYLOADS = [count(1, 30), count(1, 100)]


def frame(payload, block, clear):
    pad = 4
    while (5 - clear + len(payload) + pad) % block:
        pad += 1
    return struct.pack(">IB", 1 + len(payload) + pad, pad) + payload + b"\xa5" * pad


def stream(algorithm, mode, skip=0):
    enc = Cipher(algorithm, mode).encryptor()
    enc.update(bytes(skip))
    return enc.update


IV8, IV16 = count(0x40, 8), count(0x40, 16)


def aes(n, mode):
    return lambda: stream(algorithms.AES(count(0, n)), mode(IV16))


def des_ctr():
    """Counter mode over single blocks: OpenSSL has none for triple DES."""
    block = Cipher(old.TripleDES(count(0, 24)), modes.ECB()).encryptor()
    state = {"counter": int.from_bytes(IV8, "big"), "stream": b""}

    def update(data):
        while len(state["stream"]) < len(data):
            state["stream"] += block.update(state["counter"].to_bytes(8, "big"))
            state["counter"] = (state["counter"] + 1) % 2**64
        out = bytes(a ^ b for a, b in zip(data, state["stream"]))
        state["stream"] = state["stream"][len(data):]
        return out

    return update


CIPHERS = {}
for bits in (256, 192, 128):
    CIPHERS[f"aes{bits}-ctr"] = 16, aes(bits // 8, modes.CTR)
    CIPHERS[f"aes{bits}-cbc"] = 16, aes(bits // 8, modes.CBC)
CIPHERS["3des-ctr"] = 8, des_ctr
CIPHERS["3des-cbc"] = 8, lambda: stream(old.TripleDES(count(0, 24)), modes.CBC(IV8))
CIPHERS["blowfish-cbc"] = 8, lambda: stream(old.Blowfish(count(0, 16)), modes.CBC(IV8))
CIPHERS["cast128-cbc"] = 8, lambda: stream(old.CAST5(count(0, 16)), modes.CBC(IV8))
CIPHERS["arcfour"] = 8, lambda: stream(old.ARC4(count(0, 16)), None)
CIPHERS["arcfour128"] = 8, lambda: stream(old.ARC4(count(0, 16)), None, 1536)
CIPHERS["arcfour256"] = 8, lambda: stream(old.ARC4(count(0, 32)), None, 1536)


def hmac_tag(name, size):
    def tag(seq, data):
        data = struct.pack(">I", seq) + data
        key = count(0x80, hashlib.new(name).digest_size if name != "ripemd160" else 20)
        if name != "ripemd160":
            return hmac.new(key, data, name).digest()[:size]
        out = subprocess.run(["openssl", "dgst", "-provider", "legacy", "-provider", "default", "-ripemd160",
                              "-mac", "HMAC", "-macopt", "hexkey:" + key.hex(), "-binary"],
                             input=data, stdout=subprocess.PIPE, check=True)
        return out.stdout[:size]
    return tag


nettle = ctypes.CDLL("libnettle.so.8")


def umac_tag(size):
    def tag(seq, data):
        context = ctypes.create_string_buffer(1 << 14)
        prefix = f"nettle_umac{8 * size}_"
        getattr(nettle, prefix + "set_key")(context, count(0x80, 16))
        getattr(nettle, prefix + "set_nonce")(context, ctypes.c_size_t(8), struct.pack(">Q", seq))
        getattr(nettle, prefix + "update")(context, ctypes.c_size_t(len(data)), data)
        out = ctypes.create_string_buffer(size)
        getattr(nettle, prefix + "digest")(context, ctypes.c_size_t(size), out)
        return out.raw
    return tag


MACS = {"umac-64@openssh.com": umac_tag(8), "umac-128@openssh.com": umac_tag(16),
        "umac-64-etm@openssh.com": umac_tag(8), "umac-128-etm@openssh.com": umac_tag(16)}
for name, digest, size in (("md5", "md5", 16), ("sha1", "sha1", 20), ("ripemd160", "ripemd160", 20),
                           ("sha2-256", "sha256", 32), ("sha2-512", "sha512", 64)):
    MACS["hmac-" + name] = hmac_tag(digest, size)
    MACS["hmac-" + name + "-96"] = hmac_tag(digest, 12)
    if name != "ripemd160":
        MACS["hmac-" + name + "-etm@openssh.com"] = hmac_tag(digest, size)
for name in ("md5", "sha1"):
    MACS[f"hmac-{name}-96-etm@openssh.com"] = hmac_tag(name, 12)


def with_mac(cipher, mac):
    block, new = CIPHERS[cipher]
    crypt, out = new(), b""
    for seq, payload in enumerate(PAYLOADS, 5):
        if "-etm@" in mac:
            plain = frame(payload, block, 4)
            sealed = plain[:4] + crypt(plain[4:])
            out += sealed + MACS[mac](seq, sealed)
        else:
            plain = frame(payload, block, 0)
            out += crypt(plain) + MACS[mac](seq, plain)
    return out


def gcm(n):
    out, nonce = b"", count(0x40, 12)
    for payload in PAYLOADS:
        plain = frame(payload, 16, 4)
        out += plain[:4] + AESGCM(count(0, n)).encrypt(nonce, plain[4:], plain[:4])
        nonce = nonce[:4] + struct.pack(">Q", int.from_bytes(nonce[4:], "big") + 1)
    return out


def chacha():
    def xor(key, block, seq, data):
        nonce = struct.pack("<Q", block) + struct.pack(">Q", seq)
        return Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(data)
    text, length, out = count(0, 32), count(32, 32), b""
    for seq, payload in enumerate(PAYLOADS, 5):
        plain = frame(payload, 8, 4)
        sealed = xor(length, 0, seq, plain[:4]) + xor(text, 1, seq, plain[4:])
        out += sealed + Poly1305.generate_tag(xor(text, 0, seq, bytes(32)), sealed)
    return out


with open("packets.txt", "w") as f:
    for cipher in CIPHERS:
        for mac in ("hmac-sha2-256", "hmac-sha2-256-etm@openssh.com"):
            print(cipher, mac, with_mac(cipher, mac).hex(), file=f)
    for mac in MACS:
        if not mac.startswith("hmac-sha2-256-etm") and mac != "hmac-sha2-256":
            print("aes128-ctr", mac, with_mac("aes128-ctr", mac).hex(), file=f)
    print("aes128-gcm@openssh.com", "-", gcm(16).hex(), file=f)
    print("aes256-gcm@openssh.com", "-", gcm(32).hex(), file=f)
    print("chacha20-poly1305@openssh.com", "-", chacha().hex(), file=f)
