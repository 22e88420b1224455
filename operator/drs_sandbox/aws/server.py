"""The HTTP server of the simulated AWS: threads, keep-alive, AWS's time in the Date header."""

from __future__ import annotations

import logging
import select
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.compat import HTTPHeaders

from drs_sandbox.aws.answers import Answer, AwsError, error_answer
from drs_sandbox.aws.control import PREFIX, Control
from drs_sandbox.aws.door import Door, Reply
from drs_sandbox.aws.wire import Request
from drs_sandbox.clock import Clock
from drs_sandbox.ports import LOOPBACK

logger = logging.getLogger(__name__)


class AwsServer(ThreadingHTTPServer):
    """Serves AWS through the door and the control API beside it, on a free port of 127.0.0.1.

    Its threads end with the process, so a client that waits for an answer that never comes holds up nobody.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, clock: Clock, door: Door, control: Control) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.clock = clock
        self.door = door
        self.control = control

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no error here: faults make them do so."""
        if not isinstance(sys.exc_info()[1], OSError):
            logger.exception("connection of %s", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: AwsServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        with self.server.clock.lock:
            return super().date_time_string(self.server.clock.timestamp() if timestamp is None else timestamp)

    def version_string(self) -> str:
        return "drs-sandbox"

    def log_message(self, format: str, *args: Any) -> None:
        """The call log says it all."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            headers[name] = value
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        try:
            reply = self._reply(request)
        except Exception:
            logger.exception("%s %s", self.command, self.path)
            reply = Reply(error_answer("rest-json", AwsError("InternalFailure", "a defect of the sandbox", 500)))
        if reply.answer is None:
            self._wait_until_the_client_gives_up()
        if reply.answer is None or reply.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(reply.answer)

    def _reply(self, request: Request) -> Reply:
        if request.target.startswith(PREFIX):
            return Reply(self.server.control.answer(request))
        return self.server.door.handle(request)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _wait_until_the_client_gives_up(self) -> None:
        select.select([self.connection], [], [])

    do_GET = _serve
    do_POST = _serve
    do_DELETE = _serve
