"""A proxy between the operator and an upstream, which can stop the operator right before or after a request.

Requests pass as they are, with their Host header, so that AWS signatures stay valid. Towards the API server both sides
speak TLS with the sandbox's own certificate. Answers without an end, those of watches, are passed on as they come.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.crash_matrix.points import Call

LOOPBACK = "127.0.0.1"
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "proxy-connection"}
_CHUNK = 65536


class Dropped(Exception):
    """The connection ends here, without an answer."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate that the proxy shows and its key, and the authority that the upstream is verified with."""

    certificate: Path
    key: Path
    authority: Path


class Tap:
    """What happens around each request. This one does nothing."""

    def before(self, call: Call) -> Any:
        """Called when a request has come; raises Dropped if it must not be passed on. Returns a ticket."""

    def after(self, call: Call, ticket: Any) -> None:
        """Called when the upstream has done it; raises Dropped if the answer must be lost."""

    def passes(self) -> bool:
        """Called for each piece of a watch's answer; False loses it."""
        return True


Reader = Callable[[str, str, Mapping[str, str], bytes], Call]
"""Method, path, headers (names in lower case) and body of a request, read."""


class Proxy(ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1 until `close`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, read: Reader, tap: Tap, tls: Tls | None = None) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        target = urlsplit(upstream)
        self._host, self._port = str(target.hostname), int(target.port or 0)
        self.read, self.tap = read, tap
        self._server_side = self._client_side = None
        if tls is not None:
            self._server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._server_side.load_cert_chain(tls.certificate, tls.key)
            self._client_side = ssl.create_default_context(cafile=str(tls.authority))
        self._watches: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._server_side else 'http'}://{LOOPBACK}:{self.server_address[1]}"

    def close(self) -> None:
        """Takes no more connections."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the upstream."""
        if self._client_side is not None:
            return http.client.HTTPSConnection(self._host, self._port, context=self._client_side, timeout=90)
        return http.client.HTTPConnection(self._host, self._port, timeout=90)

    @contextmanager
    def watched(self, client: socket.socket) -> Iterator[None]:
        """Marks a client's connection as a watch's."""
        self._watches.add(client)
        try:
            yield
        finally:
            self._watches.discard(client)

    def cut_watches(self) -> None:
        """Ends the connections of all watches without a word."""
        for client in tuple(self._watches):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, so that a slow handshake holds up nobody."""
        if self._server_side is not None:
            request = self._server_side.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed here, and upstreams restarted: their connections end as they end."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """The gate keeps the books."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = self.server.read(self.command, self.path, headers, body)
        try:
            ticket = self.server.tap.before(call)
            response = self._forward(body)
            if response.getheader("Transfer-Encoding", "").lower() == "chunked" and "watch=" in self.path:
                self._stream(response)
                return
            answer = response.read()
            self.server.tap.after(call, ticket)
            self._answer(response, answer)
        except (Dropped, OSError, http.client.HTTPException):
            self._drop()

    def _forward(self, body: bytes) -> http.client.HTTPResponse:
        """One try on a connection of its own for this client's: a request is never sent twice by the proxy."""
        if self._upstream is None:
            self._upstream = self.server.connect()
        upstream = self._upstream
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                upstream.putheader(name, value)
        if body or self.command in ("POST", "PUT", "PATCH"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)
        return upstream.getresponse()

    def _head(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)

    def _answer(self, response: http.client.HTTPResponse, answer: bytes) -> None:
        self._head(response)
        self.send_header("Content-Length", str(len(answer)))
        if response.will_close:
            self._upstream = None
        self.end_headers()
        self.wfile.write(answer)

    def _stream(self, response: http.client.HTTPResponse) -> None:
        """Chunks as they come; the end of either side ends the other."""
        self._head(response)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with self.server.watched(self.connection):
            while chunk := response.read1(_CHUNK):
                if self.server.tap.passes():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")

    def _drop(self) -> None:
        self.close_connection = True
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = _serve
    do_POST = _serve
    do_PUT = _serve
    do_PATCH = _serve
    do_DELETE = _serve
