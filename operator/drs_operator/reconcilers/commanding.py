"""Commands on an execution: read off its annotations, answered in the run's row, told, and taken off."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import commands
from drs_operator.planning.commands import Command
from drs_operator.planning.run import Answer
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.session import Session, as_it_is

PREFIX = "drs-operator.io/"
REQUESTED_BY = "requested-by.drs-operator.io/"


def given(execution: DRExecution) -> list[Command]:
    """The command annotations on an object."""
    annotations = execution.metadata.annotations
    return [
        Command(name, annotations[PREFIX + name], annotations.get(REQUESTED_BY + name, ""))
        for name in commands.ORDER
        if PREFIX + name in annotations
    ]


async def take(session: Session) -> None:
    """Takes commands: act and answer are one write, then each is told. `take_off` follows the status write."""
    asked = given(session.execution)
    if not asked:
        return
    run, answers = commands.take(session.run, asked, session.context.clock.now())
    await session.move(run)
    for answer in answers:
        await session.context.ledger.record_answer(session.run, answer)
        await _tell(session, answer)


async def _tell(session: Session, answer: Answer) -> None:
    told = "CommandAccepted" if answer.outcome == "Accepted" else "CommandRefused"
    text = f"{answer.type}={answer.value} by {answer.requested_by or 'unknown'}: "
    text += answer.outcome if answer.code is None else f"{answer.code}: {answer.message}"
    await session.context.cluster.event(session.execution, answer.code is not None, told, text)


async def take_off(context: Context, execution: DRExecution, answered: list[Command]) -> None:
    """Takes answered commands off the object. It has changed by the status write, so it is read anew."""
    if not answered or (now := await as_it_is(context, execution)) is None:
        return
    same = [c for c in answered if now.metadata.annotations.get(PREFIX + c.type) == c.value]
    await context.cluster.take_off(now, [key for c in same for key in (PREFIX + c.type, REQUESTED_BY + c.type)])
