"""Drives paramiko: python3 paramiko_client.py exec|files, see environ in clients.go."""
import os
import sys

import paramiko
from paramiko import Transport

e = os.environ


def load(path):
    for kind in (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey, paramiko.DSSKey):
        try:
            return kind.from_private_key_file(path)
        except (paramiko.SSHException, ValueError, IndexError):
            pass
    raise SystemExit("no key in " + path)


t = Transport((e["SSH_HOST"], int(e["SSH_PORT"])))
options = t.get_security_options()
options.ciphers = tuple(Transport._cipher_info)
options.digests = tuple(Transport._mac_info)
options.kex = tuple(n for n in Transport._kex_info if not n.startswith("gss-"))
options.key_types = tuple(n for n in Transport._key_info if "-cert-" not in n)
options.compression = tuple(Transport._compression_info)
key = load(e["KEY"])
if e["CERTIFICATE"]:
    key.load_certificate(e["CERTIFICATE"])
t.connect(username=e["SSH_USER"], pkey=key)
if sys.argv[1] == "files":
    with paramiko.SFTPClient.from_transport(t) as s:
        s.put(e["IN"], e["REMOTE"])
        s.get(e["REMOTE"], e["OUT"])
else:
    c = t.open_session()
    c.exec_command(e["COMMAND"])
    with open(e["IN"], "rb") as f:
        c.sendall(f.read())
    c.shutdown_write()
    with c.makefile("rb") as r:
        sys.stdout.buffer.write(r.read())
    status = c.recv_exit_status()
    if status:
        raise SystemExit("exit status %d" % status)
t.close()
