"""What a plan has in the ledger: the claim on its name, and its row."""

from __future__ import annotations

from dataclasses import dataclass

from drs_operator.api.v1alpha1 import RecoveryPlan
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Failure
from drs_operator.planning.mirrors import implied_by_plan, owner_of, plan_mirror
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.claiming import ClaimBook
from drs_operator.reconcilers.mirroring import MirrorBook


@dataclass(frozen=True, slots=True)
class InLedger:
    """How name and row of a plan stand."""

    name_holder: Owner | None = None
    """The plan that has the same name; then the row is left as it is."""
    failure: Failure | None = None
    """What the ledger failed with."""
    version: int | None = None
    """Of the row; None while it could not be written."""


async def keep(claims: ClaimBook, mirrors: MirrorBook, plan: RecoveryPlan, installation: str) -> InLedger:
    """Claims the plan's name, lets an earlier one go, and makes the row say what the plan says. Raises LostRace."""
    settled = await claims.settle(owner_of(plan, installation), implied_by_plan(plan, installation))
    holder = next((standing.owner for standing in settled.losses.values()), None)
    if settled.failure is not None or holder is not None:
        return InLedger(holder, settled.failure)
    try:
        return InLedger(version=await mirrors.keep(plan_mirror(plan, installation)))
    except ReadFailed as error:
        return InLedger(failure=Failure(error.code, error.message))


async def let_go(claims: ClaimBook, mirrors: MirrorBook, plan: RecoveryPlan, installation: str) -> Failure | None:
    """Takes claim and row of a plan that is going away out of the ledger; returns why that could not be done."""
    owner = owner_of(plan, installation)
    settled = await claims.release_all(owner)
    if settled.failure is not None:
        return settled.failure
    try:
        await mirrors.drop(owner.id)
    except ReadFailed as error:
        return Failure(error.code, error.message)
    return None
