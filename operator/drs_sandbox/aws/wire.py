"""Requests as they arrive, understood with botocore's service models: service, operation, parameters, pages."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from botocore.compat import HTTPHeaders
from botocore.model import OperationModel, OperationNotFoundError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as MotoRequest
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.test import EnvironBuilder

from drs_sandbox.aws.answers import Answer, AwsError, with_request_id
from drs_sandbox.aws.catalog import pages_of

_TOKEN_PREFIX = "sandbox-page."
_GENERAL_STATUS = {
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "SignatureDoesNotMatch": 403,
    "UnauthorizedOperation": 403,
    "AuthFailure": 401,
}


@dataclass(frozen=True)
class Request:
    """An HTTP request; `target` is path and query as they came."""

    method: str
    target: str
    headers: HTTPHeaders
    body: bytes

    @property
    def url(self) -> str:
        """The URL that the client signed."""
        return f"http://{self.headers.get('Host', '')}{self.target}"

    @property
    def query(self) -> dict[str, list[str]]:
        """The query string's parameters."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class Operation:
    """What a request asks for. `protocol` is the one that the answer must speak."""

    service: str
    name: str
    protocol: str
    parameters: dict[str, Any]


def protocol_of(service: str, content_type: str) -> str:
    """The protocol in which a client speaks to a service."""
    model = get_service_model(service)
    try:
        return str(determine_request_protocol(model, content_type))
    except NotImplementedError:
        return str(model.protocol)


def read_operation(service: str, protocol: str, request: Request) -> Operation:
    """Operation and parameters of a request to any service but DRS. Raises AwsError for what the service has not."""
    split = urlsplit(request.target)
    builder = EnvironBuilder(
        method=request.method,
        path=split.path,
        query_string=split.query,
        headers=list(request.headers.items()),
        data=request.body,
    )
    parsed = MotoRequest(builder.get_environ())
    name = str(parsed.values.get("Action") or request.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1])
    try:
        model: OperationModel = get_service_model(service).operation_model(name)
    except OperationNotFoundError:
        raise _no_such_operation(protocol, name) from None
    try:
        parameters = PROTOCOL_PARSERS[protocol](model).parse(
            {
                "method": request.method,
                "values": parsed.values,
                "headers": parsed.headers,
                "body": request.body,
                "url_path": parsed.path,
                "url_params": {},
            }
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        code = "SerializationException" if protocol == "json" else "MalformedQueryString"
        raise AwsError(code, "The request could not be read") from None
    return Operation(service, name, protocol, plain(parameters))


def _no_such_operation(protocol: str, name: str) -> AwsError:
    if protocol in ("query", "ec2"):
        return AwsError("InvalidAction", f"The action {name} is not valid for this web service.")
    return AwsError("UnknownOperationException", "The requested operation is not recognized by the service.", 404)


def plain(value: Any) -> Any:
    """The value with nothing in it that JSON has not: times become ISO 8601, bytes base64."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def error_status(service: str, code: str) -> int:
    """The HTTP status that the service's model gives an error; 400 where nothing is known."""
    for shape in get_service_model(service).error_shapes:
        if code in (shape.name, shape.error_code):
            status = shape.metadata.get("error", {}).get("httpStatusCode")
            return int(status) if status else _GENERAL_STATUS.get(code, 500 if shape.metadata.get("fault") else 400)
    return _GENERAL_STATUS.get(code, 400)


def empty_page(operation: Operation) -> Answer:
    """A page with nothing on it and a next token, behind which lies what this call asks for."""
    pages = pages_of(operation.service, operation.name)
    if pages is None:
        raise ValueError(f"{operation.name} has no pages")
    model = get_service_model(operation.service).operation_model(operation.name)
    original = json.dumps(operation.parameters.get(pages.input_token)).encode()
    token: Any = _TOKEN_PREFIX + base64.urlsafe_b64encode(original).decode()
    members = model.output_shape.members
    if members[pages.output_token].type_name == "map":  # DynamoDB's tokens are keys of items
        token = {_TOKEN_PREFIX: {"S": token}}
    page: dict[str, Any] = {pages.output_token: token}
    for name in pages.listed:
        if name in members:
            page[name] = {"list": [], "map": {}, "integer": 0}.get(members[name].type_name)
    if pages.more_results in members:
        page[str(pages.more_results)] = True
    answer = get_serializer_class(operation.service, operation.protocol)(model).serialize(page)
    body = answer["body"]
    headers = {str(name): str(value) for name, value in answer["headers"].items()}
    return with_request_id(answer["status_code"], headers, body.encode() if isinstance(body, str) else body)


def behind_empty_page(operation: Operation, request: Request) -> tuple[Operation, Request] | None:
    """What a call that brings an empty page's token really asks for; None for all other calls."""
    pages = pages_of(operation.service, operation.name)
    token = operation.parameters.get(pages.input_token) if pages else None
    if isinstance(token, dict):
        token = token.get(_TOKEN_PREFIX, {}).get("S")
    if pages is None or not isinstance(token, str) or not token.startswith(_TOKEN_PREFIX):
        return None
    original = json.loads(base64.urlsafe_b64decode(token.removeprefix(_TOKEN_PREFIX)))
    parameters = {name: value for name, value in operation.parameters.items() if name != pages.input_token}
    if original is not None:
        parameters[pages.input_token] = original
    asked = Operation(operation.service, operation.name, operation.protocol, parameters)
    return asked, _with_token(operation.protocol, request, pages.input_token, original)


def _with_token(protocol: str, request: Request, name: str, token: Any) -> Request:
    if protocol in ("query", "ec2"):
        form = [pair for pair in parse_qsl(request.body.decode(), keep_blank_values=True) if pair[0] != name]
        form += [(name, token)] if token is not None else []
        return Request(request.method, request.target, request.headers, urlencode(form).encode())
    if request.method != "POST":  # the token is in the query string; whoever answers takes the parameters
        return request
    document = json.loads(request.body)
    document.pop(name, None)
    if token is not None:
        document[name] = token
    return Request(request.method, request.target, request.headers, json.dumps(document).encode())
