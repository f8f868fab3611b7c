"""A real server of files on loopback, with ranges, and with Amazon's listing for paths of the form /bucket?list-type=2."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape


class Store:
    """Files under a folder, and what was asked for."""

    def __init__(self, folder):
        self.folder, self.asked, self.refuses, self.body_bytes = folder, [], None, 0


@contextmanager
def serving(folder):
    store = Store(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words):
            pass

        def do_HEAD(self):
            self.answer()

        def do_GET(self):
            self.answer()

        def answer(self):
            store.asked.append((self.command, self.path, dict(self.headers)))
            asked = urlsplit(self.path)
            if store.refuses is not None:
                self.send(store.refuses, b"")
            elif "list-type" in asked.query:
                self.send(200, listing(store.folder, asked), {"Content-Type": "application/xml"})
            else:
                self.file(store.folder / unquote(asked.path).lstrip("/"))

        def file(self, path):
            if not path.is_file():
                self.send(404, b"")
                return
            data, code, more = (
                path.read_bytes(),
                200,
                {"Accept-Ranges": "bytes", "ETag": f'"{path.stat().st_mtime_ns}"'},
            )
            more["Last-Modified"] = formatdate(path.stat().st_mtime, usegmt=True)
            wanted = self.headers.get("Range")
            if wanted and self.command == "GET":
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                first, last = int(first), min(int(last or len(data)), len(data) - 1)
                more["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
                data, code = data[first : last + 1], 206
            self.send(code, data, more)

        def send(self, code, data, more=None):
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                store.body_bytes += len(data)
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.host = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


def listing(folder, asked):
    bucket = unquote(asked.path).strip("/")
    prefix = parse_qs(asked.query).get("prefix", [""])[0]
    root = folder / bucket
    keys = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    entries = "".join(
        f"<Contents><Key>{escape(quote(k))}</Key><Size>{(root / k).stat().st_size}</Size>"
        '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>'
        for k in keys
        if k.startswith(prefix)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType>'
        f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    ).encode()
