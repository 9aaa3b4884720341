"""What a name server answers, and where it listens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from concspec.sabotage import replaced, sabotage

_pack = DNSRecord.pack
_bind = socket.socket.bind


def _with_replies(change: Callable[[Any], None]) -> Iterator[None]:
    """Change every reply before it is sent."""

    def pack(self: Any) -> Any:
        change(self)
        return _pack(self)

    with replaced(DNSRecord, pack=pack):
        yield


@sabotage("the name server refuses to answer", "域名服务器拒绝回答")
def refuses() -> Iterator[None]:
    def refuse(reply: Any) -> None:
        reply.rr, reply.ar, reply.header.rcode = [], [], RCODE.REFUSED

    yield from _with_replies(refuse)


@sabotage("the name server knows every name", "域名服务器什么域名都知道")
def knows_every_name() -> Iterator[None]:
    def find(reply: Any) -> None:
        reply.header.rcode = RCODE.NOERROR
        if reply.q.qtype == QTYPE.A and not reply.rr:
            reply.add_answer(RR(reply.q.qname, QTYPE.A, rdata=A("127.0.0.1")))

    yield from _with_replies(find)


@sabotage("the name server keeps quiet about aliases", "域名服务器不提别名")
def hides_aliases() -> Iterator[None]:
    def hide(reply: Any) -> None:
        reply.rr = [record for record in reply.rr if record.rtype != QTYPE.CNAME]

    yield from _with_replies(hide)


@sabotage("the name server reads addresses from right to left", "域名服务器从右往左读地址")
def reverses_addresses() -> Iterator[None]:
    def pack(self: Any, buffer: Any) -> None:
        buffer.append(bytes(reversed(self.data)))

    with replaced(A, pack=pack):
        yield


@sabotage("the name server says that the names are its own", "域名服务器说这些域名归它管")
def claims_authority() -> Iterator[None]:
    def claim(reply: Any) -> None:
        reply.header.aa = 1

    yield from _with_replies(claim)


@sabotage(
    "the name server does not add the addresses of mail exchangers",
    "域名服务器不附上邮件服务器的地址",
)
def adds_nothing() -> Iterator[None]:
    def leave_out(reply: Any) -> None:
        reply.ar = []

    yield from _with_replies(leave_out)


@sabotage("the name server answers each question once", "域名服务器对每个问题只回答一次")
def answers_once() -> Iterator[None]:
    asked = set()

    def refuse(reply: Any) -> None:
        question = str(reply.q)
        if question in asked:
            reply.rr, reply.ar, reply.header.rcode = [], [], RCODE.REFUSED
        asked.add(question)

    yield from _with_replies(refuse)


@sabotage(
    "a socket is bound to the port behind the one it is asked to",
    "套接字绑定的端口，是所要求端口的后一个",
)
def another_port() -> Iterator[None]:
    def bind(self: socket.socket, address: Any) -> None:
        host, port = address
        _bind(self, (host, port + 1))

    with replaced(socket.socket, bind=bind):
        yield
