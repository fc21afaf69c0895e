"""Drives asyncssh: python3 asyncssh_client.py exec|files, see environ in clients.go."""
import asyncio
import os
import sys

import asyncssh
from asyncssh import compression, encryption, kex, mac, public_key

e = os.environ


def all_of(names):
    return [n.decode() for n in names if not n.startswith(b"gss-")]


def client_key():
    if e["CERTIFICATE"]:
        return (e["KEY"], e["CERTIFICATE"])
    return (e["KEY"], None)


async def main():
    async with asyncssh.connect(
            e["SSH_HOST"], int(e["SSH_PORT"]), username=e["SSH_USER"], config=None, agent_path=None,
            client_keys=[client_key()], known_hosts=None, x509_trusted_certs=e["X509_HOSTS"],
            kex_algs=all_of(kex.get_kex_algs()), encryption_algs=all_of(encryption.get_encryption_algs()),
            mac_algs=all_of(mac.get_mac_algs()), compression_algs=all_of(compression.get_compression_algs()),
            signature_algs=[e["KEY_ALGORITHM"].replace("-cert-v01@openssh.com", "")],
            server_host_key_algs=all_of(public_key.get_public_key_algs() + public_key.get_certificate_algs() +
                                        public_key.get_x509_certificate_algs())) as c:
        if sys.argv[1] == "files":
            async with c.start_sftp_client() as s:
                await s.put(e["IN"], e["REMOTE"])
                await s.get(e["REMOTE"], e["OUT"])
        else:
            with open(e["IN"], "rb") as f:
                r = await c.run(e["COMMAND"], input=f.read(), encoding=None, check=True)
            sys.stdout.buffer.write(r.stdout)

asyncio.run(main())
