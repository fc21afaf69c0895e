"""Drives Twisted Conch: python3 conch_client.py exec, see environ in clients.go."""
import os
import sys

from twisted.conch.endpoints import SSHCommandClientEndpoint
from twisted.conch.ssh import transport
from twisted.conch.ssh.keys import Key
from twisted.internet import defer, protocol, reactor

e = os.environ
failed = []

transport.SSHTransportBase.supportedCompressions = [b"none", b"zlib"]


class AnyHost:
    def verifyHostKey(self, *_):
        return defer.succeed(True)


class Command(protocol.Protocol):
    """Sends the input, then EOF, and shows the output."""

    def connectionMade(self):
        with open(e["IN"], "rb") as f:
            self.transport.write(f.read())
        self.finish()

    def finish(self):
        if self.transport.buf:
            reactor.callLater(0.01, self.finish)
        else:
            self.transport.conn.sendEOF(self.transport)

    def dataReceived(self, data):
        sys.stdout.buffer.write(data)

    def connectionLost(self, reason):
        stop()


def fail(reason):
    print(reason, file=sys.stderr)
    failed.append(reason)
    stop()


def stop():
    if reactor.running:
        reactor.stop()


d = SSHCommandClientEndpoint.newConnection(
    reactor, e["COMMAND"].encode(), e["SSH_USER"].encode(), e["SSH_HOST"].encode(), int(e["SSH_PORT"]),
    keys=[Key.fromFile(e["KEY"])], agentEndpoint=None, knownHosts=AnyHost(), ui=None,
).connect(protocol.Factory.forProtocol(Command))
d.addErrback(fail)
reactor.run()
sys.stdout.buffer.flush()
sys.exit(bool(failed))
