"""Runs that wait for AWS, that somebody has ended, or that were run before."""

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl
from tests.e2e.reasons import (
    REGION,
    Object,
    Situation,
    account_id,
    group,
    plan,
    run,
    server,
    server_id,
    target,
    wave,
    world_account,
)


def _stuck(situation: str, number: int = 1) -> Object:
    return {"phase": "CONVERSION", "serverId": server_id(situation, number), "effect": "stuck"}


def _broken(situation: str, number: int = 1) -> Object:
    return {"phase": "LAUNCH", "serverId": server_id(situation, number), "effect": "launchFailed", "rawError": "Broken"}


def _tier(situation: str, number: int) -> tuple[Object, Object]:
    """A server of a tier, and the group of that tier."""
    tags = {"Situation": situation, "Tier": str(number)}
    return server(situation, number, tags=tags), group(situation, f"tier-{number}", serverSelectionTags=tags)


def _call_refused(name: str, code: str, says: str, **region: object) -> Situation:
    """A run whose launch call is refused time and again, in an account of its own."""
    fault = {"operation": "StartRecovery", "account": account_id(name), "effect": "error", "code": code}
    if not code:
        fault = _stuck(name)  # of the job of somebody else
    return Situation(
        name=name,
        word="Running",
        shows=says,
        kind="drx",
        condition="Reconciling",
        status="True",
        says=(f" in us-east-1 ({says})",),
        objects=(target(name, REGION), group(name, account=name), plan(name), run(name)),
        accounts=(world_account(name, {"name": REGION, "sourceServers": [server(name)], **region}),),
        faults=(fault,),
        details={"waitingFor": (says,)},
        because="the call is repeated until it is taken, and the wave waits",
    )


def _cancel(sandbox: Sandbox, kubectl: Kubectl) -> None:
    kubectl("annotate", "-n", "called-off", "drx/called-off", "drs-operator.io/cancel=now")


def _pause(sandbox: Sandbox, kubectl: Kubectl) -> None:
    kubectl("annotate", "-n", "pause-asked", "drx/pause-asked", "drs-operator.io/pause=now")


def _delete(sandbox: Sandbox, kubectl: Kubectl) -> None:
    kubectl("delete", "-n", "replayed", "drx/replayed", "--timeout=60s")


WAITS: tuple[Situation, ...] = (
    _call_refused("no-job-free", "", "ConcurrentJobsLimitExceeded", quotas={"jobsInProgress": 0}),
    _call_refused("no-place-free", "", "ServersInJobsLimitExceeded", quotas={"serversInAllJobs": 0}),
    _call_refused("busy-elsewhere", "", "ServerInJob", jobs=[{"servers": [server_id("busy-elsewhere")]}]),
    _call_refused("throttled", "ThrottlingException", "Throttled"),
    _call_refused("not-sent", "ExpiredTokenException", "NotSent"),
    Situation(
        name="one-runs",
        word="Running",
        kind="drx",
        condition="Reconciling",
        status="True",
        says=("1 server converting",),
        objects=(group("one-runs"), plan("one-runs"), run("one-runs")),
        servers=(server("one-runs"),),
        faults=(_stuck("one-runs"),),
        because="its only wave is converting",
    ),
    Situation(
        name="two-run",
        word="Running",
        kind="drx",
        condition="Reconciling",
        status="True",
        says=("2 servers converting",),
        objects=(
            *(_tier("two-run", number)[1] for number in (1, 2)),
            plan("two-run", wave(1, "tier-1", launchOrder=1), wave(2, "tier-2", launchOrder=1)),
            run("two-run"),
        ),
        servers=tuple(_tier("two-run", number)[0] for number in (1, 2)),
        faults=(_stuck("two-run", 1), _stuck("two-run", 2)),
        because="two waves of one order are converting side by side",
    ),
    Situation(
        name="drains",
        word="Draining",
        kind="drx",
        condition="Reconciling",
        status="True",
        says=("1 server converting",),
        objects=(
            *(_tier("drains", number)[1] for number in (1, 2)),
            plan("drains", wave(1, "tier-1", launchOrder=1), wave(2, "tier-2", launchOrder=1)),
            run("drains"),
        ),
        servers=tuple(_tier("drains", number)[0] for number in (1, 2)),
        faults=(_broken("drains", 1), _stuck("drains", 2)),
        details={"error": ("WAVE_LAUNCH_FAILED", "drains-1")},
        because="one wave has failed while a job of another one goes on in AWS",
    ),
    Situation(
        name="in-part",
        word="CompletedWithExceptions",
        kind="drx",
        condition="Succeeded",
        status="True",
        says=("1 of 2 servers launched",),
        event="CompletedWithExceptions",
        objects=(
            group("in-part"),
            plan("in-part", wave(1, "in-part", optionalServerIds=[server_id("in-part", 2)])),
            run("in-part"),
        ),
        servers=(server("in-part", 1), server("in-part", 2)),
        faults=(_broken("in-part", 2),),
        details={"waves": ("WAVE_LAUNCH_FAILED", "CompletedWithExceptions")},
        because="an optional server has failed",
    ),
    Situation(
        name="wave-in-part",
        word="CompletedWithExceptions",
        shows="WaveCompletedWithExceptions",
        kind="drx",
        condition="Finished",
        status="True",
        says=("1 of 2 servers launched",),
        event="WaveCompletedWithExceptions",
        objects=(
            group("wave-in-part"),
            plan("wave-in-part", wave(1, "wave-in-part", optionalServerIds=[server_id("wave-in-part", 2)])),
            run("wave-in-part"),
        ),
        servers=(server("wave-in-part", 1), server("wave-in-part", 2)),
        faults=(_broken("wave-in-part", 2),),
        because="its wave says so in an Event of its own",
    ),
    Situation(
        name="called-off",
        word="Cancelled",
        kind="drx",
        condition="Succeeded",
        status="False",
        says=("cancelled by", "0 of 1 servers launched"),
        event="Cancelled",
        objects=(
            group("called-off"),
            plan("called-off", wave(1, "called-off", pauseBeforeWave=True)),
            run("called-off"),
        ),
        servers=(server("called-off"),),
        until=("drx", "called-off", "Paused"),
        then=_cancel,
        because="somebody cancelled it while it was held",
    ),
    Situation(
        name="pause-asked",
        word="Requested",
        kind="drx",
        condition="Paused",
        status="True",
        says=("2.1",),
        event="Requested",
        objects=(
            *(_tier("pause-asked", number)[1] for number in (1, 2)),
            plan("pause-asked", wave(1, "tier-1", waitAfterSeconds=60), wave(2, "tier-2")),
            run("pause-asked"),
        ),
        servers=tuple(_tier("pause-asked", number)[0] for number in (1, 2)),
        details={"holds": ("drs-operator.io/resume=2.1",), "requests": ("pause", "Accepted")},
        until=("drx", "pause-asked", "Reconciling"),
        then=_pause,
        because="somebody paused it before its second wave",
    ),
    Situation(
        name="plan-busy",
        word="PlanAlreadyExecuting",
        kind="drx",
        condition="Succeeded",
        status="False",
        says=("PLAN_ALREADY_EXECUTING", "plan-busy/first"),
        event="Failed",
        objects=(
            group("plan-busy"),
            plan("plan-busy", wave(1, "plan-busy", pauseBeforeWave=True)),
            run("plan-busy", name="first"),
        ),
        servers=(server("plan-busy"),),
        until=("drx", "first", "Paused"),
        later=(run("plan-busy"),),
        because="another run of the plan is held",
    ),
    Situation(
        name="id-used",
        word="RunIdConflict",
        kind="drx",
        condition="Succeeded",
        status="False",
        says=("RUN_ID_CONFLICT", "id-used/first", "spec.runId"),
        event="RunIdConflict",
        objects=(run("id-used", name="first", runId="id-used-2026"),),
        until=("drx", "first", "Finished"),
        later=(run("id-used", "RECOVERY", runId="id-used-2026"),),
        because="its run id was used for a drill",
    ),
    Situation(
        name="replayed",
        word="AlreadyExecuted",
        kind="drx",
        condition="Succeeded",
        status="False",
        says=("ALREADY_EXECUTED", "replayed/replayed", "choose another name"),
        event="AlreadyExecuted",
        objects=(group("replayed"), plan("replayed"), run("replayed")),
        servers=(server("replayed"),),
        until=("drx", "replayed", "Finished"),
        then=_delete,
        later=(run("replayed"),),
        because="it was deleted and came back",
    ),
    Situation(
        name="runs-already",
        word="LiveRecoveryInstance",
        kind="drx",
        condition="Succeeded",
        status="False",
        says=("LIVE_RECOVERY_INSTANCE", "1 servers run as a real recovery"),
        event="Failed",
        objects=(group("runs-already"), plan("runs-already"), run("runs-already", "RECOVERY", name="real")),
        servers=(server("runs-already"),),
        details={"findings": (server_id("runs-already"),)},
        until=("drx", "real", "Finished"),
        later=(run("runs-already"),),
        because="a drill would destroy the instance of a real recovery",
    ),
    Situation(
        name="lost-launch",
        word="LaunchOutcomeUnknown",
        kind="drx",
        condition="Paused",
        status="True",
        says=("1.1",),
        event="LaunchOutcomeUnknown",
        objects=(
            target("lost-launch", REGION),
            group("lost-launch", account="lost-launch"),
            plan("lost-launch"),
            run("lost-launch", "RECOVERY"),
        ),
        accounts=(world_account("lost-launch", {"name": REGION, "sourceServers": [server("lost-launch")]}),),
        faults=(
            {
                "operation": "StartRecovery",
                "account": account_id("lost-launch"),
                "effect": ["hideJob", "lostAnswer"],
                "seconds": 10_000_000,
            },
        ),
        details={"holds": ("aws drs describe-jobs --region us-east-1", "skip=1.1")},
        because="AWS took the call, the answer was lost, and the job hides",
    ),
    Situation(
        name="never-ends",
        word="Draining",
        shows="WaveTimedOut",
        kind="drx",
        condition="Reconciling",
        status="True",
        says=("AWS: ",),
        event="WaveTimedOut",
        objects=(group("never-ends"), plan("never-ends", wave(1, "never-ends", timeoutSeconds=60)), run("never-ends")),
        servers=(server("never-ends"),),
        faults=(_stuck("never-ends"),),
        details={"error": ("WAVE_TIMED_OUT", "never-ends-1"), "waves": ("TimedOut",)},
        because="a server is converting for longer than its wave may take, and AWS cannot be stopped",
    ),
)
