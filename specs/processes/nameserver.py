"""A name server on loopback that knows the names of the notes, and no others.

It answers over UDP alone: none of its answers is long enough for nslookup to ask again over TCP.
Run as a program, in a network namespace that nobody else uses, it serves on the port that
nslookup asks by default, for as long as the command takes that its arguments name.
"""

import contextlib
import socket
import struct
import subprocess
import sys
import threading

from dnslib import QTYPE, RCODE, RR, DNSRecord

ADDRESS = "127.0.0.1"

ZONE = RR.fromZone("""\
www.python.org.                  60 IN CNAME dualstack.python.map.fastly.net.
dualstack.python.map.fastly.net. 60 IN A     151.101.228.223
python.org.                      60 IN MX    50 mail.python.org.
mail.python.org.                 60 IN A     82.94.164.166
mail.python.org.                 60 IN AAAA  2001:888:2000:d::a6
""")


def records(name, *types):
    """What the zone has under a name, of these types."""
    return [record for record in ZONE if record.rname == name and record.rtype in types]


def answer(query):
    """Answer a query as a resolver does that has asked the servers of the names itself.

    A name that exists without a record of the type asked for gives no records and no error:
    nslookup asks for AAAA too, and takes NXDOMAIN to be about the name (RFC 2308, section 2).
    """
    reply = query.reply(aa=0)
    name = query.q.qname
    for alias in records(name, QTYPE.CNAME):
        reply.add_answer(alias)
        name = alias.rdata.label
    found = records(name, query.q.qtype)
    reply.add_answer(*found)
    for record in found:
        if record.rtype == QTYPE.MX:
            reply.add_ar(*records(record.rdata.label, QTYPE.A, QTYPE.AAAA))
    if all(record.rname != name for record in ZONE):
        reply.header.rcode = RCODE.NXDOMAIN
    return reply


@contextlib.contextmanager
def serve(port=0):
    """Answer queries on a port of loopback, any free one by default; give its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESS, port))
        thread = threading.Thread(target=_answer_all, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def _answer_all(server):
    """Answer until an empty datagram comes."""
    while True:
        query, client = server.recvfrom(4096)
        if not query:
            return
        server.sendto(answer(DNSRecord.parse(query)).pack(), client)


def _switch_loopback_on():
    """In a new network namespace it is off; ``ip link set lo up`` needs iproute2."""
    import fcntl  # noqa: PLC0415 - Windows has none, and no namespaces

    set_flags, up = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP: netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))


if __name__ == "__main__":
    _switch_loopback_on()
    with serve(port=53):
        sys.exit(subprocess.call(sys.argv[1:]))
