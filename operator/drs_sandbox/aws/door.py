"""The front door: every AWS request is admitted, exposed to faults, answered and logged here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

from drs_sandbox.aws.admission import Admission, Admitted, TurnedAway
from drs_sandbox.aws.answers import Answer, AwsError, error_answer, json_answer
from drs_sandbox.aws.calls import HANGS, LOST_ANSWER, CallLog
from drs_sandbox.aws.catalog import pages_of
from drs_sandbox.aws.dynamodb import DynamoDb
from drs_sandbox.aws.faults import FaultBook
from drs_sandbox.aws.moto_services import MotoServices
from drs_sandbox.aws.service_quotas import ServiceQuotas
from drs_sandbox.aws.sessions import Sessions
from drs_sandbox.aws.signature import Refusal
from drs_sandbox.aws.sts import Sts
from drs_sandbox.aws.wire import Request, behind_empty_page, empty_page, error_status
from drs_sandbox.clock import Clock
from drs_sandbox.drs.errors import DrsError
from drs_sandbox.world import Fault

_FAULT_MESSAGE = "a fault of the sandbox"


class Drs(Protocol):
    """What the door needs of the DRS simulator."""

    def call(
        self,
        account: str,
        region: str,
        principal: str,
        operation: str,
        parameters: Mapping[str, Any],
        hide_job_seconds: float | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON body of a call. Raises DrsError."""
        ...


@dataclass(frozen=True)
class Reply:
    """What happens on the connection: an answer, None for silence; `lost`: all is done, but the connection drops."""

    answer: Answer | None
    lost: bool = False
    delay_seconds: float = 0.0


@dataclass(frozen=True)
class Services:
    """Those who answer. Without `dynamodb` (DynamoDB Local) moto's serves."""

    drs: Drs
    sts: Sts
    quotas: ServiceQuotas
    moto: MotoServices
    dynamodb: DynamoDb | None


class Door:
    """The one door to all simulated services; safe to use from many threads."""

    def __init__(
        self,
        clock: Clock,
        admission: Admission,
        sessions: Sessions,
        faults: FaultBook,
        calls: CallLog,
        services: Services,
    ) -> None:
        self._clock = clock
        self._admission = admission
        self._sessions = sessions
        self._faults = faults
        self._calls = calls
        self._services = services

    def handle(self, request: Request) -> Reply:
        """Answers one request, however long its faults make that take."""
        reply = self._handle(request)
        if reply.delay_seconds:
            time.sleep(reply.delay_seconds)
        return reply

    def _handle(self, request: Request) -> Reply:
        with self._clock.lock:
            self._clock.run_due()
            try:
                admitted = self._admission.admit(request)
            except TurnedAway as turned_away:
                self._log_turned_away(turned_away)
                return Reply(turned_away.answer)
            asked = behind_empty_page(admitted.operation, admitted.request)
            if asked is not None:
                admitted = replace(admitted, operation=asked[0], request=asked[1])
            fault = self._faults.call_fault(
                admitted.operation, admitted.caller.account, admitted.region, continued=asked is not None
            )
        with self._turn(admitted):
            return self._act(admitted, fault)

    def _turn(self, admitted: Admitted) -> AbstractContextManager[object]:
        """Who answers from this process's state does so one at a time; DynamoDB Local has its own order."""
        apart = admitted.operation.service == "dynamodb" and self._services.dynamodb is not None
        return nullcontext() if apart else self._clock.lock

    def _act(self, admitted: Admitted, fault: Fault | None) -> Reply:
        effects = fault.effects if fault is not None else ()
        seconds = (fault.seconds if fault is not None else None) or 0.0
        if "hang" in effects:
            self._log(admitted, 0, HANGS)
            return Reply(None)
        answer = self._outcome(admitted, fault)
        lost = "lostAnswer" in effects
        self._log(admitted, answer.status, answer.code or (LOST_ANSWER if lost else None))
        return Reply(answer, lost, seconds if "delay" in effects else 0.0)

    def _outcome(self, admitted: Admitted, fault: Fault | None) -> Answer:
        operation = admitted.operation
        effects = fault.effects if fault is not None else ()
        if "expireCredentials" in effects and admitted.caller.role_arn is not None:
            self._sessions.end(admitted.caller)
            return error_answer(operation.protocol, Refusal.SESSION_EXPIRED.error(operation.protocol))
        if fault is not None and "error" in effects:
            code = str(fault.code)
            status = fault.http_status or error_status(operation.service, code)
            return error_answer(operation.protocol, AwsError(code, fault.message or _FAULT_MESSAGE, status))
        if "emptyPage" in effects and pages_of(operation.service, operation.name) is not None:
            return empty_page(operation)
        hidden = fault.seconds if fault is not None and "hideJob" in effects else None
        try:
            return self._answer(admitted, hidden)
        except AwsError as error:
            return error_answer(operation.protocol, error)
        except DrsError as error:
            return Answer(*error.response())

    def _answer(self, admitted: Admitted, hide_job_seconds: float | None) -> Answer:
        operation, caller, region = admitted.operation, admitted.caller, admitted.region
        services = self._services
        if operation.service == "drs":
            status, document = services.drs.call(
                caller.account, region, caller.arn, operation.name, operation.parameters, hide_job_seconds
            )
            return json_answer(document, status)
        if operation.service == "sts":
            return services.sts.answer(operation, caller)
        if operation.service == "service-quotas":
            return services.quotas.answer(operation, caller.account, region)
        if operation.service == "dynamodb" and services.dynamodb is not None:
            return services.dynamodb.answer(operation, admitted.request, caller.account, region)
        return services.moto.answer(operation, admitted.request, caller.account)

    def _log(self, admitted: Admitted, status: int, code: str | None) -> None:
        self._calls.append(
            account=admitted.caller.account,
            region=admitted.region,
            principal=admitted.caller.arn,
            service=admitted.operation.service,
            operation=admitted.operation.name,
            parameters=admitted.operation.parameters,
            status=status,
            code=code,
        )

    def _log_turned_away(self, turned_away: TurnedAway) -> None:
        caller, operation = turned_away.caller, turned_away.operation
        self._calls.append(
            account=caller.account if caller else None,
            region=turned_away.region,
            principal=caller.arn if caller else None,
            service=turned_away.service,
            operation=operation.name if operation else None,
            parameters=operation.parameters if operation else {},
            status=turned_away.answer.status,
            code=turned_away.answer.code,
        )
