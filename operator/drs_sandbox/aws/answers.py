"""What goes back to a client: an answer, or an error that is written in the protocol of the service."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_NO_ID = b">request-id<"
_REPLACED_HEADERS = frozenset(
    {"content-length", "date", "connection", "server", "status", "x-amzn-requestid", "access-control-allow-origin"}
)
_XML_CODE = re.compile(rb"<Code>([^<]*)</Code>")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str | None:
        """The error's code, None when the call went well."""
        if self.status < 400:
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        if named := headers.get("x-amzn-errortype"):
            return named.split(":")[0]
        if match := _XML_CODE.search(self.body):
            return match.group(1).decode()
        try:
            document = json.loads(self.body)
        except ValueError:
            return f"Http{self.status}"
        kind = document.get("__type") or document.get("code") if isinstance(document, dict) else None
        return str(kind).split("#")[-1] if kind else f"Http{self.status}"


class AwsError(Exception):
    """An error that a service answers, before it is written in the service's protocol."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def json_answer(document: object, status: int = 200, content_type: str = "application/json") -> Answer:
    """An answer with a JSON body."""
    headers = {"Content-Type": content_type, "x-amzn-RequestId": str(uuid.uuid4())}
    return Answer(status, headers, json.dumps(document).encode())


def with_request_id(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What moto has written, with a request id instead of its placeholder."""
    request_id = str(uuid.uuid4())
    kept = {name: value for name, value in headers.items() if name.lower() not in _REPLACED_HEADERS}
    return Answer(status, {**kept, "x-amzn-RequestId": request_id}, body.replace(_NO_ID, f">{request_id}<".encode()))


def error_answer(protocol: str, error: AwsError) -> Answer:
    """The error as clients of `protocol` (rest-json, json, query, ec2) read it."""
    request_id = str(uuid.uuid4())
    if protocol == "rest-json":
        headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code, "x-amzn-RequestId": request_id}
        return Answer(error.status, headers, json.dumps({"message": error.message}).encode())
    if protocol == "json":
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": request_id}
        body = {"__type": f"com.amazonaws#{error.code}", "message": error.message}
        return Answer(error.status, headers, json.dumps(body).encode())
    code, message = escape(error.code), escape(error.message)
    if protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        side = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Answer(error.status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, text.encode())
