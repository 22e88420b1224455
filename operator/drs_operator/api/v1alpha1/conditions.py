"""Conditions: the model, and pure functions that set, find and remove them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.enums import ConditionStatus
from drs_operator.api.v1alpha1.fields import Time, clipped, doc, items, number, text


class Condition(ApiModel):
    """One aspect of the state of an object."""

    type: Annotated[str, text(64, min_length=1), doc("Which aspect this condition describes.")]
    status: Annotated[ConditionStatus, doc("True, False, or Unknown while it cannot be told.")]
    observed_generation: Annotated[
        int | None,
        number(-1),
        doc("The metadata.generation that this condition was computed for."),
    ] = None
    last_transition_time: Annotated[Time, doc("When status changed last.")]
    reason: Annotated[str, text(128), doc("The cause as one CamelCase word; an error's code in that form.")]
    message: Annotated[str, clipped(1024), text(1024), doc("What is the case and what to do next.")]


Conditions = Annotated[list[Condition], items(16, list_type="map", keys=["type"])]


def find_condition(conditions: Iterable[Condition], type: str) -> Condition | None:
    """The condition of that type, or None."""
    return next((condition for condition in conditions if condition.type == type), None)


def without_condition(conditions: Iterable[Condition], type: str) -> list[Condition]:
    """The conditions without the one of that type: a condition whose function is disabled is absent."""
    return [condition for condition in conditions if condition.type != type]


def set_condition(
    conditions: Iterable[Condition],
    type: str,
    status: ConditionStatus,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """A new list with the condition set, at its old place or at the end.

    `lastTransitionTime` becomes `now` (aware) only when the status differs from before.
    """
    before = list(conditions)
    old = find_condition(before, type)
    condition = Condition(
        type=type,
        status=status,
        observed_generation=generation,
        last_transition_time=old.last_transition_time if old and old.status == status else now,
        reason=reason,
        message=message,
    )
    if old is None:
        return [*before, condition]
    return [condition if other.type == type else other for other in before]
