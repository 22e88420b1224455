"""A drill gives way to a recovery: which one, what becomes of it, and what the recovery says meanwhile."""

import pytest

from drs_operator.planning import displacing, polling, projection, waiting
from drs_operator.planning.news import news
from drs_operator.planning.run import Cancel, Run
from tests import builders as b
from tests.unit.planning.tables import table

RECOVERY = b.run(
    name="failover", execution_type="RECOVERY", state="Claimed", start_time=None, execution_id="exec-failover"
)
DRILL = b.run(b.run_wave())
JANE = Cancel(requested_by="jane", time=b.at(minutes=-1))


@pytest.mark.parametrize(
    ("rival", "want", "because"),
    table(
        ("running drill", DRILL, True, "it is cancelled"),
        ("claimed drill", b.run(state="Claimed"), True, "it has the plan already"),
        ("cancelled drill", b.run(cancel=JANE), True, "its jobs have not ended"),
        ("draining drill", b.run(verdict="Failed"), True, "its jobs have not ended"),
        ("ended drill", b.run(state="Ended", verdict="Failed"), False, "it holds nothing"),
        ("recovery", b.run(execution_type="RECOVERY"), False, "never cancelled by another"),
        ("drill of another installation", b.run(installation="west"), False, "another operator leads it"),
    ),
)
def test_who_has_to_give_way(rival: Run, want: bool, because: str) -> None:
    assert displacing.in_the_way(rival, b.INSTALLATION) is want, because


@pytest.mark.parametrize(
    ("drill", "changes", "because"),
    table(
        ("running", DRILL, True, "it is cancelled"),
        ("claimed", b.run(state="Claimed"), True, "it is cancelled before it starts"),
        ("cancelled before", b.run(cancel=JANE), False, "whoever was first has cancelled it"),
        ("has its verdict", b.run(verdict="Completed"), False, "it only drains"),
        ("ended", b.run(state="Ended", verdict="Completed"), False, "history does not change"),
    ),
)
def test_who_is_cancelled(drill: Run, changes: bool, because: str) -> None:
    after = displacing.cancelled_for(drill, RECOVERY, b.NOW)

    assert (after is not drill) is changes, because
    if changes:
        assert after.cancel == Cancel(requested_by="execution/failover", time=b.NOW)
        assert after.model_copy(update={"cancel": None}) == drill, "nothing else"


def test_a_recovery_of_another_namespace_is_named_with_it() -> None:
    after = displacing.cancelled_for(b.run(namespace="payments"), RECOVERY, b.NOW)

    assert after.cancel is not None
    assert after.cancel.requested_by == "execution/dr/failover"


def test_a_recovery_says_what_it_waits_for() -> None:
    blocked = displacing.blocked(RECOVERY, "dr/drill-1")
    status = projection.project(blocked, b.execution("failover", executionType="RECOVERY"), b.NOW)

    assert (status.phase, status.waiting_for) == ("Queued", "drill dr/drill-1 to end")
    assert {(c.type, c.reason) for c in status.conditions} == {
        (type, "WaitingForDrill") for type in ("Succeeded", "Finished", "Ready", "Reconciling")
    }
    assert [(told.reason, told.warning) for told in news(RECOVERY, blocked)] == [("WaitingForDrill", False)]
    assert news(blocked, displacing.blocked(blocked, "dr/drill-1")) == [], "once"


def test_a_recovery_that_waits_looks_often() -> None:
    """The drill's last job may end at any moment."""
    assert polling.interval(displacing.blocked(RECOVERY, "dr/drill-1"), b.NOW, 15) == polling.NEAR_SECONDS
    assert polling.interval(RECOVERY, b.NOW, 15) == 15


def test_a_recovery_that_waits_for_none_any_more_says_so() -> None:
    free = displacing.blocked(displacing.blocked(RECOVERY, "dr/drill-1"), "")

    assert free == RECOVERY
    assert waiting.waiting_for(free, b.NOW) == "AWS: validation"
