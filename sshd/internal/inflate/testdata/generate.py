#!/usr/bin/env python3
"""Writes partial.bin, sync.bin and full.bin: pairs of flushed zlib output and message,
each behind its length in two bytes. Made with Python 3 and zlib 1.2.13 or later."""
import os, random, struct, zlib

os.chdir(os.path.dirname(os.path.abspath(__file__)))
random.seed(4253)
words = "the quick brown fox jumps over a lazy dog packet channel window".split()
messages = [b"x", b"", b"aaaa"] + [
    " ".join(random.choices(words, k=random.randrange(1, 60))).encode() for _ in range(25)
] + [random.randbytes(n) for n in (1, 5, 300)]
for name, mode in (("partial", zlib.Z_PARTIAL_FLUSH), ("sync", zlib.Z_SYNC_FLUSH), ("full", zlib.Z_FULL_FLUSH)):
    z = zlib.compressobj(6)
    with open(name + ".bin", "wb") as f:
        for m in messages:
            if m:
                piece = z.compress(m) + z.flush(mode)
                f.write(struct.pack(">H", len(piece)) + piece + struct.pack(">H", len(m)) + m)
