"""AWS Signature Version 4 on the server's side: who says that they signed, when, and whether they did.

The age of a signature is judged on the wall clock, because it is the real client that has signed.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from drs_sandbox.aws.answers import AwsError

_AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 +Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[^, ]+), *Signature=(?P<signature>[0-9a-f]{64})$"
)
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_INVALID_TOKEN = "The security token included in the request is invalid."
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
_NO_MATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class Refusal(Enum):
    """Why a request is turned away before its service sees it; per protocol the real code and HTTP status."""

    UNKNOWN_KEY = {
        "query": ("InvalidClientTokenId", 403),
        "ec2": ("AuthFailure", 401),
        "json": ("UnrecognizedClientException", 400),
        "rest-json": ("UnrecognizedClientException", 403),
    }
    NOT_SIGNED = {
        "query": ("MissingAuthenticationToken", 403),
        "ec2": ("AuthFailure", 401),
        "json": ("MissingAuthenticationTokenException", 400),
        "rest-json": ("MissingAuthenticationTokenException", 403),
    }
    GARBLED = {
        "query": ("IncompleteSignature", 400),
        "ec2": ("AuthFailure", 401),
        "json": ("IncompleteSignatureException", 400),
        "rest-json": ("IncompleteSignatureException", 403),
    }
    WRONG = {
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
        "json": ("InvalidSignatureException", 400),
        "rest-json": ("InvalidSignatureException", 403),
    }
    TOO_OLD = {
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("RequestExpired", 400),
        "json": ("InvalidSignatureException", 400),
        "rest-json": ("InvalidSignatureException", 403),
    }
    SESSION_EXPIRED = {
        "query": ("ExpiredToken", 403),
        "ec2": ("RequestExpired", 400),
        "json": ("ExpiredTokenException", 400),
        "rest-json": ("ExpiredTokenException", 403),
    }

    def error(self, protocol: str, message: str | None = None) -> AwsError:
        """The error as the services of `protocol` give it."""
        code, status = self.value[protocol]
        return AwsError(code, _EC2_TEXTS.get(code) or message or _TEXTS[self], status)


_TEXTS = {
    Refusal.UNKNOWN_KEY: _INVALID_TOKEN,
    Refusal.NOT_SIGNED: "Missing Authentication Token",
    Refusal.GARBLED: "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, and an "
    "'X-Amz-Date' header.",
    Refusal.WRONG: _NO_MATCH,
    Refusal.TOO_OLD: "Signature expired",
    Refusal.SESSION_EXPIRED: "The security token included in the request is expired",
}
_EC2_TEXTS = {"AuthFailure": _NOT_VALIDATED, "RequestExpired": "Request has expired."}


class Refused(Exception):
    """A request that its signature turns away."""

    def __init__(self, refusal: Refusal, message: str | None = None) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
        self.message = message


@dataclass(frozen=True)
class Signature:
    """What the Authorization header says; nothing of it is checked yet."""

    access_key_id: str
    region: str
    service: str
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str


def read_signature(headers: HTTPHeaders) -> Signature:
    """Reads the Authorization header. Raises Refused (NOT_SIGNED, GARBLED)."""
    authorization = headers.get("Authorization")
    if not authorization:
        raise Refused(Refusal.NOT_SIGNED)
    match = _AUTHORIZATION.match(authorization)
    timestamp = headers.get("X-Amz-Date", "")
    if not match or not re.fullmatch(r"\d{8}T\d{6}Z", timestamp):
        raise Refused(Refusal.GARBLED)
    return Signature(
        access_key_id=match["key"],
        region=match["region"],
        service=match["service"].lower(),
        timestamp=timestamp,
        signed_headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def check_age(signature: Signature, wall: float, ttl_seconds: float) -> None:
    """Raises Refused (TOO_OLD) for signatures of more than `ttl_seconds` ago, or as far ahead."""
    try:
        signed = datetime.strptime(signature.timestamp, _TIMESTAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(Refusal.GARBLED) from None
    if abs(wall - signed) <= ttl_seconds:
        return
    late = wall > signed
    edge, now = wall - ttl_seconds if late else wall + ttl_seconds, _text(wall)
    words = (
        ("Signature expired", "is now earlier than", "-")
        if late
        else ("Signature not yet current", "is still later than", "+")
    )
    raise Refused(
        Refusal.TOO_OLD,
        f"{words[0]}: {signature.timestamp} {words[1]} {_text(edge)} ({now} {words[2]} {_length(ttl_seconds)}.)",
    )


def check_signature(
    signature: Signature, secret: str, method: str, url: str, headers: HTTPHeaders, body: bytes
) -> None:
    """Raises Refused (WRONG) unless `secret` signed exactly this request."""
    request = AWSRequest(method=method, url=url, headers=dict(headers.items()), data=body)
    request.context["timestamp"] = signature.timestamp
    expected = _Signer(signature, secret).sign(request)
    if not hmac.compare_digest(expected, signature.signature):
        raise Refused(Refusal.WRONG)


class _Signer(SigV4Auth):
    """botocore's own calculation, over the headers that the client says it has signed."""

    def __init__(self, signature: Signature, secret: str) -> None:
        super().__init__(Credentials(signature.access_key_id, secret), signature.service, signature.region)
        self._signed = signature.signed_headers

    def headers_to_sign(self, request: Any) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self._signed:
            if name in request.headers:
                headers[name] = request.headers[name]
        return headers

    def sign(self, request: AWSRequest) -> str:
        return str(self.signature(self.string_to_sign(request, self.canonical_request(request)), request))


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIMESTAMP)


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds % 60 == 0 else f"{seconds:g} sec"
