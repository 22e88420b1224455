"""What may never happen to a clean-up: rules on two records of it, the older one first."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from drs_operator.planning.intents import Cleanup
from drs_operator.planning.run import Run

OVER = ("Completed", "CompletedWithExceptions")
STATES = ("Planned", "Calling", "Started", "Ended")


def check_cleanup(before: Run, after: Run, asked: bool, now: datetime) -> None:
    """`asked`: a person has asked for it with this very record."""
    old, new = before.cleanup, after.cleanup
    if new == old:
        return
    assert before.state == "Ended", "nothing is cleaned up before the end"
    assert before.is_drill, "what a recovery launched may serve users"
    if old is None or old.phase == "Scheduled":
        _check_begin(new, asked, now)
    else:
        assert new is not None, "what has begun is not taken back"
        _check_progress(old, new, asked)
    _check_work(new)
    _check_end(new)


def _check_begin(new: Cleanup | None, asked: bool, now: datetime) -> None:
    if new is None or new.phase == "Scheduled":
        assert new is None or not new.intents
        return
    due = new.due_time is not None and new.due_time <= now
    assert asked or due, "nothing is cleaned up before its time"
    assert new.phase == "Running"


def _check_progress(old: Cleanup, new: Cleanup, asked: bool) -> None:
    assert new.phase != "Scheduled", "what has begun is not taken back"
    if old.phase in OVER:
        assert asked, "what is over goes on when a person asks for it"
        assert new.phase == "Running", "it looks anew, and then says what it has seen"
        return
    present = {intent.shard: intent for intent in new.intents}
    for intent in old.intents:
        assert intent.shard in present, "no intent is forgotten"
        later = present[intent.shard]
        assert intent.job_id in (None, later.job_id), "a job that is known is never forgotten"
        back = (intent.state, later.state) == ("Calling", "Planned")  # surely nothing was done
        assert back or STATES.index(later.state) >= STATES.index(intent.state), "no way back"
        assert intent.state != "Ended" or later == intent, "what has ended never changes"
        assert set(later.instance_ids) <= set(intent.instance_ids), "an intent never names more"


def _check_work(new: Cleanup | None) -> None:
    intents = new.intents if new is not None else ()
    assert len({intent.token for intent in intents}) == len(intents)
    active = Counter(i for intent in intents if intent.state != "Ended" for i in intent.instance_ids)
    assert max(active.values(), default=0) <= 1, "at most one call for an instance"
    jobs = [intent.job_id for intent in intents if intent.job_id]
    assert len(set(jobs)) == len(jobs), "no job is taken twice"


def _check_end(new: Cleanup | None) -> None:
    if new is None:
        return
    assert not set(new.terminated) & set(new.remaining)
    if new.phase not in OVER:
        return
    assert new.end_time is not None
    assert all(intent.state == "Ended" for intent in new.intents), "it ends when its last job has"
    assert (new.phase == "Completed") == (not new.remaining), "complete is what leaves nothing"
    assert all(instance_id in new.message for instance_id in new.remaining[:10]), "what is left is named"
