"""Who may see the dashboard: this machine's own user, under this machine's own names, in no other site's frame.

A page of another site can point a name of its own at 127.0.0.1 and read what answers there, so any other name is
refused before a request reaches the server. Another user of the machine can connect too: a connection is let in by its
owner, where the system tells, or by the token of the address that was printed, as Jupyter does it.

Must not: import the server; ask a network anything.
"""

from __future__ import annotations

import hmac
import os
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

SECRET_VARIABLE = "EVENHAND_DASHBOARD_TOKEN"  # noqa: S105 - its name
"""Variable of the environment by which the server is told its token."""
# The Host header of this machine alone: a page elsewhere whose name was made to lead here (DNS rebinding) sends its
# own.
NAMES = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
HEALTH = "/_stcore/health"
ESTABLISHED = "01"
CONNECTIONS = Path("/proc/net/tcp")
# linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h.
SOCK_DIAG, BY_FAMILY, REQUEST, ANY_STATE, NO_COOKIE, STATE_ESTABLISHED = 4, 20, 1, 0xFFFFFFFF, 0xFFFFFFFF, 1
HEAD_BYTES, SOCKET_AT, USER_AT = 16, 20, 68
"""Of a message: its head, where the two ends of a connection begin, and where they end."""
HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
ANOTHER_NAME = "this dashboard answers to 127.0.0.1 and localhost alone"
ANOTHER_SITE = "another site asked"
ASKING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Evenhand</title>
<p>This dashboard belongs to another user, or this system does not say whose connection this is. Open the whole address
that <code>audit dashboard</code> printed, or give its token here.</p>
<form><label>Token <input name="token" autocomplete="off"></label> <button>Open</button></form></html>"""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Server = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """What stands before the server (ASGI)."""

    def __init__(self, app: Server, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        refused = _reason_for_refusal(headers)
        if refused is not None:
            await _answer(scope, send, 403, refused)
        elif self._has_token(scope) and scope["type"] == "http":
            await _answer(scope, send, 303, "", self._admit(scope))
        elif scope["path"] != HEALTH and not self._is_known(scope, headers):
            await _answer(scope, send, 403, ASKING)
        else:
            await self._app(scope, receive, _forbid_frames(send))

    def _is_known(self, scope: Scope, headers: Iterable[tuple[str, str]]) -> bool:
        """Return whether a request has the token, in its address or in its cookie, or is of this user.

        A user who is known by the connection alone is given no cookie: a browser sends cookies to every port of this
        machine, and so to the servers of its other users.
        """
        if self._has_token(scope) or any(
            self._is_token(said) for said in _read_cookies(headers, self._name_cookie(scope))
        ):
            return True
        return is_own(scope.get("client"), scope.get("server"))

    def _has_token(self, scope: Scope) -> bool:
        asked = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
        return any(name == "token" and self._is_token(value) for name, value in asked)

    def _is_token(self, said: str) -> bool:
        return hmac.compare_digest(said.encode(), self._token.encode())

    def _admit(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the same address without the token, which a cookie now carries: addresses stand in histories."""
        asked = [(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1"), True) if k != "token"]
        path = f"/{scope['path'].lstrip('/')}" + (f"?{urlencode(asked)}" if asked else "")
        return [(b"location", path.encode("latin-1", "replace")), self._make_cookie(scope)]

    def _make_cookie(self, scope: Scope) -> tuple[bytes, bytes]:
        kept = f"{self._name_cookie(scope)}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        return (b"set-cookie", kept.encode("latin-1"))

    @staticmethod
    def _name_cookie(scope: Scope) -> str:
        """Return the name of the cookie; cookies of one host are shared by its ports."""
        return f"evenhand-{(scope.get('server') or ('', 0))[1]}"


def is_own(client: tuple[str, int] | None, server: tuple[str, int] | None) -> bool:
    """Return whether the user of this process opened a connection on this machine.

    False where the system does not tell.
    """
    if client is None or server is None:
        return False
    owner = _ask_kernel(client, server)
    if owner is not None:
        return owner == os.getuid()
    try:
        ends = [_to_kernel_hex(client), _to_kernel_hex(server)]
        both = " ".join(ends)
        words = (line.split() for line in CONNECTIONS.read_text(encoding="ascii").splitlines() if both in line)
        owners = [w[7] for w in words if w[1:4] == [*ends, ESTABLISHED]]
    except (OSError, ValueError, IndexError):
        return False
    return owners == [str(os.getuid())]


def _ask_kernel(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the user of the client's end of an established connection; None where the kernel does not say.

    One connection is asked for by both of its ends (sock_diag(7)). The list of all of them takes 7 ms to read on a
    large machine, and a page asks for sixty files.
    """
    try:
        ends = struct.pack("!HH4s12x4s12x", client[1], server[1], *(socket.inet_aton(e[0]) for e in (client, server)))
        asked = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, ANY_STATE) + ends
        asked += struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
        head = struct.pack("=IHHII", HEAD_BYTES + len(asked), BY_FAMILY, REQUEST, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as line:
            line.settimeout(1.0)
            line.send(head + asked)
            told = line.recv(4096)
        _, kind, *_ = struct.unpack_from("=IHHII", told)
        if kind != BY_FAMILY or told[HEAD_BYTES + 1] != STATE_ESTABLISHED or told[SOCKET_AT:USER_AT][:36] != ends[:36]:
            return None
        return int(struct.unpack_from("=I", told, USER_AT + 12)[0])
    except (OSError, AttributeError, struct.error):
        return None


def _to_kernel_hex(end: tuple[str, int]) -> str:
    """Return an end of a connection as the kernel lists it: the address with its last byte first."""
    a, b, c, d = map(int, end[0].split("."))
    return f"{d:02X}{c:02X}{b:02X}{a:02X}:{end[1]:04X}"


def _reason_for_refusal(headers: Iterable[tuple[str, str]]) -> str | None:
    """Return why no user of this machine can have asked this; None where one can."""
    hosts = [value for name, value in headers if name == "host"]
    if len(hosts) != 1 or not NAMES.fullmatch(hosts[0]):
        return ANOTHER_NAME
    origins = {value.lower() for name, value in headers if name == "origin"}
    if origins - {f"http://{hosts[0].lower()}"}:
        return ANOTHER_SITE
    return None


def _read_cookies(headers: Iterable[tuple[str, str]], name: str) -> Iterable[str]:
    for header in (value for key, value in headers if key == "cookie"):
        try:
            found = SimpleCookie(header)
        except CookieError:
            continue
        if name in found:
            yield found[name].value


def _forbid_frames(send: Send) -> Send:
    """Return a way to send that lets no other site frame what the server answers."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            there = [h for h in message.get("headers", ()) if h[0].lower() not in ours]
            message["headers"] = [*there, *HEADERS]
        await send(message)

    return sending


async def _answer(
    scope: Scope, send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer a request without the server; a WebSocket is closed before it opens, which is a 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    kind = b"text/html; charset=utf-8" if text.startswith("<") else b"text/plain; charset=utf-8"
    told = [(b"content-type", kind), (b"cache-control", b"no-store"), *HEADERS, *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": text.encode()})
