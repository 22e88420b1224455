"""Who and what comes in: a request is signed by somebody known, lately, and asks for something that exists."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from drs_sandbox.aws.answers import Answer, AwsError, error_answer, json_answer
from drs_sandbox.aws.catalog import SERVICES, regions
from drs_sandbox.aws.sessions import Caller, Sessions
from drs_sandbox.aws.signature import Refusal, Refused, Signature, check_age, check_signature, read_signature
from drs_sandbox.aws.wire import Operation, Request, plain, protocol_of, read_operation
from drs_sandbox.drs.errors import DrsError


class DrsRoutes(Protocol):
    """The part of the DRS simulator that understands requests."""

    def route(
        self, method: str, path: str, query: Mapping[str, str | Sequence[str]], body: bytes
    ) -> tuple[str, dict[str, Any]]:
        """Operation and parameters of a request. Raises DrsError."""
        ...


@dataclass(frozen=True)
class Admitted:
    """A request that may be answered."""

    operation: Operation
    request: Request
    caller: Caller
    region: str


class TurnedAway(Exception):
    """A request that no service sees: the answer, and what could be made out for the log."""

    def __init__(
        self,
        answer: Answer,
        *,
        service: str | None = None,
        region: str | None = None,
        operation: Operation | None = None,
        caller: Caller | None = None,
    ) -> None:
        super().__init__(answer.code)
        self.answer = answer
        self.service = service
        self.region = region
        self.operation = operation
        self.caller = caller


class Admission:
    """Checks requests; called under the clock's lock. `wall` is the clock on which signatures age."""

    def __init__(
        self,
        sessions: Sessions,
        drs: DrsRoutes,
        signature_ttl_seconds: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._drs = drs
        self._ttl = signature_ttl_seconds
        self._wall = wall

    def admit(self, request: Request) -> Admitted:
        """Raises TurnedAway with the answer of the real service, in its protocol."""
        content_type = request.headers.get("Content-Type", "")
        try:
            signature = read_signature(request.headers)
        except Refused as refused:
            # Nobody has said which service this is for, so the kind of body decides how the refusal is written.
            protocol = "query" if content_type.startswith("application/x-www-form-urlencoded") else "rest-json"
            raise TurnedAway(error_answer(protocol, refused.refusal.error(protocol))) from None
        service = SERVICES.get(signature.service)
        if service is None:
            message = f"{signature.service} is not simulated; simulated are {', '.join(SERVICES.values())}"
            answer = json_answer({"__type": "UnknownService", "message": message}, 501)
            raise TurnedAway(answer, service=signature.service, region=signature.region)
        return self._admit_to(service, protocol_of(service, content_type), request, signature)

    def _admit_to(self, service: str, protocol: str, request: Request, signature: Signature) -> Admitted:
        # Understood before it is checked, so that the log says what was turned away.
        operation, unreadable = self._understand(service, protocol, request)
        caller: Caller | None = None
        try:
            caller = self._authenticate(request, signature)
            check_age(signature, self._wall(), self._ttl)
            self._sessions.check_alive(caller)
            if signature.region not in regions():
                raise Refused(Refusal.WRONG, "Credential should be scoped to a valid region.")
        except Refused as refused:
            answer = error_answer(protocol, refused.refusal.error(protocol, refused.message))
            raise TurnedAway(
                answer, service=service, region=signature.region, operation=operation, caller=caller
            ) from None
        if operation is None:
            raise TurnedAway(unreadable, service=service, region=signature.region, caller=caller)
        return Admitted(operation, request, caller, signature.region)

    def _understand(self, service: str, protocol: str, request: Request) -> tuple[Operation | None, Answer]:
        try:
            if service != "drs":
                return read_operation(service, protocol, request), Answer(200)
            path = urlsplit(request.target).path
            name, parameters = self._drs.route(request.method, path, request.query, request.body)
            return Operation(service, name, protocol, plain(parameters)), Answer(200)
        except AwsError as error:
            return None, error_answer(protocol, error)
        except DrsError as error:
            return None, Answer(*error.response())

    def _authenticate(self, request: Request, signature: Signature) -> Caller:
        caller = self._sessions.caller(signature.access_key_id, request.headers.get("X-Amz-Security-Token"))
        check_signature(signature, caller.secret_access_key, request.method, request.url, request.headers, request.body)
        return caller
