"""Launching exactly once, whatever AWS answers or does not answer; and what is checked right before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import TargetAccount
from drs_operator.planning.launching import Refusal, Refused
from tests.fakes.cloud import Lost
from tests.unit.reconcilers.world import ACCOUNT_ID, NAMESPACE, PLACE, World, server_ids

WAVES = [server_ids(tier) for tier in ("db", "app", "web")]
SETTLE = 6 * 60


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart(())
    world.wait(1)
    return world


def calls(world: World) -> int:
    """How often StartRecovery was called."""
    return sum(1 for operation, _ in world.cloud.calls if operation == "start recovery")


def assert_clean_end(world: World, name: str = "drill", phase: str = "Completed") -> None:
    """It has ended so, with one launch for each wave and nothing left."""
    assert world.phase(name) == phase
    assert [servers for _, servers in world.cloud.launches()] == WAVES
    assert world.cloud.destroyed == []
    assert world.cloud.conflicts == []
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_one_call_for_each_wave(world: World) -> None:
    world.execute()
    world.until(world.finished)
    assert calls(world) == 3
    assert_clean_end(world)


def test_jobs_carry_what_ties_them_to_their_run(world: World) -> None:
    world.execute()
    world.until(world.finished)
    run = world.run_of()
    tokens = [token for token, _ in world.cloud.launches()]
    assert tokens == [intent.token for intent in run.intents]
    assert len(set(tokens)) == 3
    assert all(token.startswith(run.execution_id) for token in tokens)


# --- no answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unseen_for", [0, 120], ids=["seen at once", "seen after two minutes"])
@pytest.mark.parametrize("execution_type", ["DRILL", "RECOVERY"])
def test_a_launch_that_was_not_answered_is_found_by_its_token(
    world: World, execution_type: str, unseen_for: int
) -> None:
    world.cloud.answers = [Lost(launched=True, unseen_for=timedelta(seconds=unseen_for))]
    world.execute("run", executionType=execution_type)
    world.until(lambda: world.finished("run"))
    assert calls(world) == 3
    assert_clean_end(world, "run")


def test_a_drill_calls_again_when_it_is_certain_that_there_was_no_launch(world: World) -> None:
    world.cloud.answers = [Lost(launched=False)]
    world.execute()
    world.wait(SETTLE - 30)
    assert calls(world) == 1, "the job may still turn up"
    assert world.phase() == "Running"
    world.until(world.finished)
    assert calls(world) == 4
    assert_clean_end(world)


@pytest.mark.parametrize("hours_ahead", [-5, 5], ids=["behind", "ahead"])
def test_a_lost_launch_is_looked_for_on_awss_clock(world: World, hours_ahead: int) -> None:
    world.cloud.skew = timedelta(hours=hours_ahead)
    world.cloud.answers = [Lost(launched=True, unseen_for=timedelta(seconds=SETTLE - 60)), Lost(launched=False)]
    world.execute()
    world.until(world.finished)
    assert calls(world) == 4
    assert_clean_end(world)


def test_a_recovery_asks_a_person_when_the_outcome_stays_unknown(world: World) -> None:
    world.cloud.answers = [Lost(launched=False)]
    world.execute("recovery", executionType="RECOVERY")
    world.wait(SETTLE - 30)
    assert world.holds("recovery") == []
    world.wait(3600)
    assert [reason for _, reason in world.holds("recovery")] == ["LaunchOutcomeUnknown"]
    message = str(world.seen("recovery").status.holds[0].message)
    assert message.startswith("LAUNCH_OUTCOME_UNKNOWN")
    assert "aws drs describe-jobs --region us-east-1" in message
    world.command("resume", world.holds("recovery")[0][0], "recovery")
    world.wait(300)
    assert calls(world) == 1, "nothing is ever called again by itself, nor by resume"
    assert world.holds("recovery") != []
    world.command("cancel", "true", "recovery")
    world.until(lambda: world.finished("recovery"))
    assert world.phase("recovery") == "Cancelled"
    assert world.cloud.launches() == []
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_a_person_may_go_on_without_a_launch_whose_outcome_is_unknown(world: World) -> None:
    world.cloud.answers = [Lost(launched=False)]
    world.execute("recovery", executionType="RECOVERY")
    world.until(lambda: bool(world.holds("recovery")))
    world.command("skip", world.holds("recovery")[0][0], "recovery")
    world.until(lambda: world.finished("recovery"))
    assert world.phase("recovery") == "CompletedWithExceptions"
    assert [servers for _, servers in world.cloud.launches()] == WAVES[1:]
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_a_launch_that_turns_up_late_answers_the_hold(world: World) -> None:
    world.cloud.answers = [Lost(launched=True, unseen_for=timedelta(minutes=30))]
    world.execute("recovery", executionType="RECOVERY")
    world.until(lambda: bool(world.holds("recovery")))
    world.until(lambda: world.finished("recovery"))
    assert calls(world) == 3
    assert_clean_end(world, "recovery")


def test_a_policy_of_ones_own_decides_about_unknown_outcomes(world: World) -> None:
    world.cloud.answers = [Lost(launched=False)]
    world.execute("recovery", executionType="RECOVERY", ambiguousLaunchPolicy="Reissue")
    world.until(lambda: world.finished("recovery"))
    assert_clean_end(world, "recovery")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "shows"),
    [
        (Refusal.JOBS_QUOTA, True),
        (Refusal.SERVERS_QUOTA, True),
        (Refusal.SERVER_IN_JOB, True),
        (Refusal.THROTTLED, True),
        (Refusal.NOT_SENT, False),
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_a_refusal_that_passes_queues_the_wave(world: World, kind: Refusal, shows: bool, times: int) -> None:
    world.cloud.answers = [Refused(kind, "TheCode", "not now")] * times
    world.execute()
    world.until(lambda: calls(world) > 0)
    world.wait(1)
    if shows:
        assert world.seen().status.waves[0].phase == "Queued"
        assert kind.value in str(world.seen().status.waiting_for)
    world.until(world.finished)
    assert calls(world) == 3 + times
    assert_clean_end(world)


def test_a_refusal_is_recorded_even_when_the_run_has_moved_meanwhile(world: World) -> None:
    """Else it would count as unknown whether there was a launch, and a recovery would wait for a person."""

    def moved() -> None:
        (row,) = world.tables.rows.values()
        row["version"] += 1

    world.cloud.answers = [Refused(Refusal.JOBS_QUOTA, "ServiceQuotaExceededException", "not now")]
    world.effects.meanwhile["start recovery"] = moved
    world.execute("recovery", executionType="RECOVERY")
    world.until(lambda: bool(world.holds("recovery")) or world.finished("recovery"))
    assert_clean_end(world, "recovery")


def test_a_permission_that_is_missing_holds_the_wave_until_somebody_resumes(world: World) -> None:
    world.cloud.answers = [Refused(Refusal.DENIED, "AccessDeniedException", "drs:StartRecovery is not allowed")]
    world.execute()
    world.until(lambda: bool(world.holds()))
    assert world.holds() == [("1.1", "AccountUnavailable")]
    assert "drs:StartRecovery" in str(world.seen().status.holds[0].message)
    world.wait(3600)
    assert calls(world) == 1
    world.command("resume", "1.1")
    world.until(world.finished)
    assert_clean_end(world)


def test_a_server_that_aws_calls_wrong_fails_alone() -> None:
    world = World()
    world.quickstart((), onFailure="Continue")
    first, second = server_ids("db")
    world.cloud.answers = [Refused(Refusal.INVALID, "ValidationException", f"{first} is wrong", (first,))]
    world.execute()
    world.until(world.finished)
    assert world.phase() == "CompletedWithExceptions"
    assert [servers for _, servers in world.cloud.launches()] == [(second,), *WAVES[1:]]
    server = next(s for s in world.seen().status.waves[0].servers if s.server_id == first)
    assert server.error is not None
    assert server.error.code == "DRS_ERROR"


def test_a_request_that_aws_calls_wrong_is_halved_until_the_bad_server_is_found() -> None:
    world = World()
    world.quickstart((), onFailure="Continue")
    wrong = Refused(Refusal.INVALID, "ValidationException", "something is wrong")
    world.cloud.answers = [wrong, wrong]
    world.execute()
    world.until(world.finished)
    first, second = server_ids("db")
    assert world.phase() == "CompletedWithExceptions"
    assert [servers for _, servers in world.cloud.launches()] == [(second,), *WAVES[1:]]
    failed = [s.server_id for s in world.seen().status.waves[0].servers if s.phase == "Failed"]
    assert failed == [first]


# --- guards -----------------------------------------------------------------------------------------------------------


def test_a_server_in_somebody_elses_job_is_waited_for(world: World) -> None:
    world.cloud.foreign_job(PLACE, server_ids("db"), timedelta(minutes=10))
    world.execute()
    world.wait(60)
    assert world.seen().status.waves[0].phase == "Queued"
    assert "ServerInJob" in str(world.seen().status.waiting_for)
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert world.cloud.conflicts == [], "it was seen before it was asked for"
    assert [servers for _, servers in world.cloud.launches()] == WAVES


def paused_before_web() -> World:
    """A drill that waits before its last wave."""
    world = World()
    world.quickstart((3,))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    return world


def test_a_live_recovery_instance_is_never_launched_over() -> None:
    world = paused_before_web()
    instance = world.cloud.live_instance(PLACE, server_ids("web")[0])
    world.command("resume", "3.1")
    world.until(world.finished)
    assert world.cloud.destroyed == []
    assert instance in {i.instance_id for i in world.cloud.instances(PLACE)}
    assert len(world.cloud.launches()) == 2
    (server,) = world.seen().status.waves[2].servers
    assert server.error is not None
    assert server.error.code == "LIVE_RECOVERY_INSTANCE"
    assert world.phase() == "Failed"


def role_refused(world: World) -> Callable[[], None]:
    world.cloud.refuse(ACCOUNT_ID)
    return lambda: world.cloud.refuse(ACCOUNT_ID, False)


def not_allowed(world: World) -> Callable[[], None]:
    selector = {"matchLabels": {"tenant": "payments"}}
    world.cluster.edit(TargetAccount, None, "production", allowedNamespaces={"from": "Selector", "selector": selector})
    return lambda: world.cluster.labels.update({NAMESPACE: {"tenant": "payments"}})


def observed_only(world: World) -> Callable[[], None]:
    world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")
    return lambda: world.cluster.edit(TargetAccount, None, "production", managementPolicy="Manage")


def account_gone(world: World) -> Callable[[], None]:
    world.cluster.delete(TargetAccount, None, "production", force=True)
    return lambda: world.account("production")


def secret_gone(world: World) -> Callable[[], None]:
    ref = {"namespace": "drs-system", "name": "ids", "key": "id"}
    world.cluster.edit(TargetAccount, None, "production", externalId=None, externalIdSecretRef=ref)
    return lambda: world.cluster.secrets.update({("drs-system", "ids", "id"): "unique-external-id-123"})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (role_refused, "AccountUnavailable"),
        (not_allowed, "NamespaceNotAllowed"),
        (observed_only, "AccountUnavailable"),
        (account_gone, "AccountUnavailable"),
        (secret_gone, "AccountUnavailable"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_forbids_a_launch_holds_the_wave(damage: Callable[[World], Callable[[], None]], reason: str) -> None:
    world = paused_before_web()
    mend = damage(world)
    world.command("resume", "3.1")
    world.until(lambda: world.holds() == [("3.2", reason)])
    assert "resume" in str(world.seen().status.holds[0].message)
    world.wait(3600)
    assert len(world.cloud.launches()) == 2
    assert world.phase() == "Paused"
    mend()
    world.wait(600)
    assert len(world.cloud.launches()) == 2, "it waits for a person, whatever is mended"
    world.command("resume", "3.2")
    world.until(world.finished)
    assert_clean_end(world)


@pytest.mark.parametrize(
    ("happens", "phase"),
    [
        (lambda world: world.command("cancel", "true"), "Cancelled"),
        (lambda world: observed_only(world), "Paused"),
    ],
    ids=["cancelled", "emergency stop"],
)
def test_what_happens_while_the_guards_are_read_still_stops_the_launch(
    happens: Callable[[World], None], phase: str
) -> None:
    world = paused_before_web()
    world.command("resume", "3.1")
    world.effects.meanwhile["recovery points"] = lambda: happens(world)
    world.wait(600)
    assert world.phase() == phase
    assert len(world.cloud.launches()) == 2


def test_recovery_points_are_chosen_as_asked(world: World) -> None:
    world.execute("run", executionType="RECOVERY", recoveryPoint={"policy": "ExistingLatest"})
    world.until(lambda: world.finished("run"))
    chosen = {server: point for intent in world.run_of("run").intents for server, point in intent.snapshots.items()}
    assert chosen == {server: f"snap-{server[-3:]}-1" for wave in WAVES for server in wave}
