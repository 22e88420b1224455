"""What is known of a reason: where it is seen, what it means, what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.codes import reason as reason_of


class Area(StrEnum):
    """The chapters of the reference, in its order."""

    REQUESTS = "Requests"
    ACCOUNTS = "Accounts"
    GROUPS = "Servers and groups"
    LAUNCH_SETTINGS = "Launch settings"
    PLANS = "Plans and waves"
    RUNS = "Runs"
    QUEUE = "Quotas and queues"
    COMMANDS = "Commands"
    LEDGER = "Ledger and leadership"
    GATEWAY = "Gateway"


class Form(StrEnum):
    """How a reason reaches a person."""

    CONDITION = "condition"
    EVENT = "Event"
    FIELD = "field"
    ANSWER = "answer to a command"
    SCHEMA = "refused by the CRD"
    POLICY = "refused by a policy"
    PROCESS = "log and /readyz"
    GATEWAY = "answer of the gateway"


@dataclass(frozen=True, slots=True)
class Seen:
    """One place where a reason is seen."""

    form: Form
    kind: str | None = None
    """The kind of the object; None where there is none."""
    where: str | None = None
    """Of a condition its type, of a field its path from `status`; None for the other forms."""

    def __str__(self) -> str:
        match self.form:
            case Form.CONDITION:
                return f"{self.kind} condition {self.where}"
            case Form.FIELD:
                return f"{self.kind} `status.{self.where}`"
            case _:
                return f"{self.kind} {self.form}" if self.kind else str(self.form)


@dataclass(frozen=True, slots=True)
class Reason:
    """A row of the reference."""

    word: str
    """CamelCase, as conditions, Events and holds carry it."""
    area: Area
    seen: tuple[Seen, ...]
    means: str
    first: str
    """What to do first; empty when there is nothing to do."""
    code: Code | None = None
    """The form in findings, errors, answers and refusals; None for a reason that is no error."""
    available: bool = True
    """Whether this version gives it at all."""
    missing: str = ""
    """What has to be built before it can be given; set exactly when it is not available."""

    @property
    def has_runbook(self) -> bool:
        """Whether a page of `docs/runbooks` belongs to it: there is something to do, and it can be seen."""
        return self.available and bool(self.first)


def condition(kind: str, *types: str) -> tuple[Seen, ...]:
    """Seen as the reason of these conditions."""
    return tuple(Seen(Form.CONDITION, kind, type) for type in types)


def field(kind: str, *paths: str) -> tuple[Seen, ...]:
    """Seen in these fields of the status."""
    return tuple(Seen(Form.FIELD, kind, path) for path in paths)


def event(kind: str) -> tuple[Seen, ...]:
    """Seen as the reason of an Event; those that `Ready` makes are not listed."""
    return (Seen(Form.EVENT, kind),)


def schema(*kinds: str) -> tuple[Seen, ...]:
    """Seen as the refusal of a CEL rule in the CRD."""
    return tuple(Seen(Form.SCHEMA, kind) for kind in kinds)


def policy(*kinds: str) -> tuple[Seen, ...]:
    """Seen as the refusal of a ValidatingAdmissionPolicy."""
    return tuple(Seen(Form.POLICY, kind) for kind in kinds)


def answer(kind: str = "DRExecution") -> tuple[Seen, ...]:
    """Seen in the answer to a command."""
    return (Seen(Form.ANSWER, kind),)


RUN_FINDING = field("DRExecution", "findings[].code")
RUN_REFUSED = (*field("DRExecution", "error.code"), *condition("DRExecution", "Succeeded"))
RUN_SERVER = field("DRExecution", "waves[].servers[].error.code")
RUN_HOLD = (*field("DRExecution", "holds[].reason"), *condition("DRExecution", "Paused"))
RUN_QUEUE = field("DRExecution", "waitingFor")
RUN_TROUBLE = condition("DRExecution", "Ready", "Reconciling")
PROCESS = (Seen(Form.PROCESS),)
GATEWAY = (Seen(Form.GATEWAY),)


def coded(code: Code, area: Area, seen: tuple[Seen, ...], means: str, first: str, *, missing: str = "") -> Reason:
    """The record of a code; `missing` says what has to be built before it can be given."""
    return Reason(reason_of(code), area, seen, means, first, code, not missing, missing)


def word(word: str, area: Area, seen: tuple[Seen, ...], means: str, first: str = "", *, missing: str = "") -> Reason:
    """The record of a reason without a code."""
    return Reason(word, area, seen, means, first, None, not missing, missing)
