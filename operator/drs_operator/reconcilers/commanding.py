"""Commands on an execution: read off its annotations, answered in the run's row, told, and taken off."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import commands, gaps
from drs_operator.planning.requests import Command
from drs_operator.planning.run import Answer
from drs_operator.reconcilers import evidence
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
    """Takes commands: act and answer are one write, then each is told. `take_off` follows the status write.

    In the same write it is noted that nobody has observed the run for long: the commands that are taken with it were
    given without knowing of that. A command that needs what could not be read stays on the object for the next look.
    """
    context, asked = session.context, given(session.execution)
    read = await evidence.read(session, asked)
    session.postponed = list(read.postponed.values())
    taken, now = [command for command in asked if command not in read.postponed], context.clock.now()
    run, answers = commands.take(session.run, taken, read.evidence, now)
    sign_of_life = session.execution.status.last_observed_time
    await session.move(gaps.noticed(run, sign_of_life, now, context.observation_gap))
    session.answered = taken
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
