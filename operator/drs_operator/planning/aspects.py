"""Conditions of an object from its aspects: each aspect has its own, `Ready` copies the first that is not met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.conditions import Condition, find_condition, set_condition
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType
from drs_operator.planning.facts import Failure


@dataclass(frozen=True, slots=True)
class Aspect:
    """One condition to be. `met` None: it cannot be told yet."""

    type: ConditionType
    met: bool | None
    reason: str
    message: str
    needed: bool = True
    """Whether `Ready` depends on it."""


def good(type: ConditionType, reason: str, message: str, needed: bool = True) -> Aspect:
    """An aspect that is as it should be."""
    return Aspect(type, True, reason, message, needed)


def bad(type: ConditionType, code: Code | str, message: str, needed: bool = True) -> Aspect:
    """An aspect that is not; the reason is the code's CamelCase."""
    return Aspect(type, False, reason(Code(code)), message, needed)


def unclear(type: ConditionType, failure: Failure, needed: bool = True) -> Aspect:
    """An aspect that cannot be told, because what it is read from did not answer."""
    return Aspect(type, None, reason(Code(failure.code)), failure.message, needed)


def conditions(
    before: Sequence[Condition], aspects: Iterable[Aspect], ready: Aspect, generation: int, now: datetime
) -> list[Condition]:
    """The conditions of an object: Ready first, then its aspects in their order; those not named are gone.

    `ready` is what Ready says when every needed aspect is met. Times of transition are kept from `before`.
    """
    listed = list(aspects)
    unmet = next((aspect for aspect in listed if aspect.needed and aspect.met is not True), None)
    top = ready if unmet is None else Aspect(ConditionType.READY, unmet.met, unmet.reason, unmet.message)
    wanted = [top, *listed]
    result: list[Condition] = [kept for aspect in wanted if (kept := find_condition(before, aspect.type)) is not None]
    for aspect in wanted:
        result = set_condition(result, aspect.type, _STATUS[aspect.met], aspect.reason, aspect.message, generation, now)
    order = [aspect.type for aspect in wanted]
    return sorted(result, key=lambda condition: order.index(ConditionType(condition.type)))


_STATUS = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE, None: ConditionStatus.UNKNOWN}


def is_ready(conditions: Iterable[Condition]) -> bool:
    """Whether Ready is True."""
    ready = find_condition(conditions, ConditionType.READY)
    return ready is not None and ready.status == ConditionStatus.TRUE


def is_settled(conditions: Iterable[Condition]) -> bool:
    """Whether Ready is known, either way."""
    ready = find_condition(conditions, ConditionType.READY)
    return ready is not None and ready.status != ConditionStatus.UNKNOWN


def why_not_ready(conditions: Iterable[Condition]) -> tuple[str, str]:
    """Reason and message of Ready; of an object that was not evaluated yet: Pending."""
    ready = find_condition(conditions, ConditionType.READY)
    return (ready.reason, ready.message) if ready else ("Pending", "not evaluated yet")
