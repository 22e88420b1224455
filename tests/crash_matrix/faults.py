"""What can go wrong besides a crash: each fault does its harm to a drill of its own, and the same checks follow."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.crash_matrix.clocks import TWO_MINUTES, shifted
from tests.crash_matrix.gate import Gate
from tests.crash_matrix.points import CALLING, Call, Side
from tests.crash_matrix.proxy import Dropped
from tests.crash_matrix.runner import Result, Trial, judged
from tests.crash_matrix.scenario import Hooks, play, status_of, until
from tests.crash_matrix.stage import SETTLE_SECONDS, SPEED, Actor, Stage
from tests.crash_matrix.world import REGIONS, RUN
from tests.e2e.crew import QUICK

BEYOND_SETTLE_SECONDS = SETTLE_SECONDS + 3
HIDDEN = 2 * SPEED
"""In progress, of which a sandbox makes SPEED seconds in one."""
OUTAGE_SECONDS = 6.0
Fault = Callable[[Actor], None]


def _at_aws(actor: Actor, operation: str, effect: str) -> None:
    fault = f"{{operation: {operation}, account: '{actor.world.account_id}', times: 1, {effect}}}"
    actor.stage.sandbox.control.add_faults(f"faults: [{fault}]", actor.world.name)


def _came_of_a_launch(actor: Actor, code: str) -> bool:
    return any(
        (call["operation"], call["account"], call["outcome"].get("code"))
        == ("StartRecovery", actor.world.account_id, code)
        for call in actor.stage.sandbox.control.calls("drs")
    )


def lost_answer(actor: Actor) -> None:
    """AWS launches, its answer is lost, and the job becomes visible two seconds later."""

    def harm() -> None:
        _at_aws(actor, "StartRecovery", f"effect: [lostAnswer, hideJob], seconds: {HIDDEN}")

    play(actor, Hooks(ready=harm))
    actor.gate.fired = _came_of_a_launch(actor, "LostAnswer")


def late_answer(actor: Actor) -> None:
    """AWS launches, and its answer arrives when the settle window is over."""

    def react(call: Call, side: Side) -> None:
        if side == "after" and call.operation == "StartRecovery" and not actor.gate.fired:
            actor.gate.fired = True
            time.sleep(BEYOND_SETTLE_SECONDS)

    actor.gate.react = react
    play(actor)


def late_request(actor: Actor) -> None:
    """The operator dies while its request is on the way; it reaches AWS when another call has been decided on."""

    def react(call: Call, side: Side) -> None:
        if side == "before" and call.operation == "StartRecovery" and not actor.gate.fired:
            actor.gate.fired = True
            actor.gate.kill()
            time.sleep(BEYOND_SETTLE_SECONDS)

    actor.gate.react = react
    play(actor)


def frozen(actor: Actor) -> None:
    """The leader freezes between intent and call; another process takes over; the first wakes up and goes on."""
    leader = actor.operator
    frozen_now = threading.Event()

    def react(call: Call, side: Side) -> None:
        if side == "after" and call.name.endswith(CALLING) and not actor.gate.fired:
            actor.gate.fired = True
            assert leader.process is not None
            leader.process.send_signal(signal.SIGSTOP)
            frozen_now.set()

    def relieve() -> None:
        until(actor, "the leader is frozen", frozen_now.is_set)
        actor.second = spare = actor.another()
        spare.start()
        until(actor, "the other process leads", lambda: " leading" in spare.log)
        time.sleep(BEYOND_SETTLE_SECONDS)
        assert leader.process is not None
        leader.process.send_signal(signal.SIGCONT)
        leader.process.wait(timeout=60)
        actor.operator, actor.second = spare, leader

    actor.gate.react = react
    play(actor, Hooks(applied=relieve))


def frozen_alone(actor: Actor) -> None:
    """The only process freezes between intent and call, and wakes up when the settle window is over."""

    def wake(process_id: int) -> None:
        time.sleep(BEYOND_SETTLE_SECONDS)
        process = actor.operator.process
        if process is not None and process.pid == process_id:
            process.send_signal(signal.SIGCONT)

    def react(call: Call, side: Side) -> None:
        if side == "after" and call.name.endswith(CALLING) and not actor.gate.fired:
            actor.gate.fired = True
            process = actor.operator.process
            assert process is not None
            process.send_signal(signal.SIGSTOP)
            threading.Thread(target=wake, args=(process.pid,), daemon=True).start()

    actor.gate.react = react
    play(actor)


def api_server_restarted(actor: Actor) -> None:
    """The API server dies while a wave launches, and comes back some seconds later."""

    def harm() -> None:
        until(actor, "a launch was made", lambda: _called(actor, "StartRecovery"))
        control_plane = actor.stage.sandbox.control_plane
        control_plane.stop_apiserver(kill=True)
        time.sleep(OUTAGE_SECONDS)
        control_plane.start_apiserver()
        actor.gate.fired = True

    play(actor, Hooks(applied=harm))


def watch_stalled(actor: Actor) -> None:
    """The watches bring nothing while the person resumes; then their connections break. What they had is lost."""

    def harm() -> None:
        time.sleep(OUTAGE_SECONDS)
        actor.gate.fired = not status_of(actor).get("requests")
        actor.gate.deaf.clear()
        actor.cut_watches()

    play(actor, Hooks(held=actor.gate.deaf.set, resumed=harm))


def etcd_restored(actor: Actor) -> None:
    """The cluster goes back to what it was before the resume, while the last wave launches."""
    control_plane, saved = actor.stage.sandbox.control_plane, actor.stage.folder / "etcd-saved"

    def save() -> None:
        control_plane.save_etcd(saved)

    def harm() -> None:
        until(actor, "the last wave launches", lambda: _called(actor, f"StartRecovery {REGIONS[0]} s-web"))
        control_plane.restore_etcd(saved)
        actor.gate.fired = True

    try:
        play(actor, Hooks(held=save, resumed=harm))
    finally:
        shutil.rmtree(saved, ignore_errors=True)


def credentials_expired(actor: Actor) -> None:
    """AWS ends the session at the launch, and once more while the job is followed."""

    def harm() -> None:
        _at_aws(actor, "StartRecovery", "effect: expireCredentials")
        _at_aws(actor, "DescribeJobLogItems", "effect: expireCredentials")

    play(actor, Hooks(ready=harm))
    actor.gate.fired = _came_of_a_launch(actor, "ExpiredTokenException")


def ledger_away(actor: Actor) -> None:
    """DynamoDB does not answer while the second wave is to start."""
    away = threading.Event()

    def react(call: Call, side: Side) -> None:
        if away.is_set() and call.upstream == "dynamodb":
            actor.gate.fired = True
            raise Dropped

    def harm() -> None:
        time.sleep(OUTAGE_SECONDS)
        away.clear()

    actor.gate.react = react
    play(actor, Hooks(held=away.set, resumed=harm))


def brought_back(actor: Actor) -> None:
    """Somebody deletes the execution by force while it runs, and Git applies it again."""
    kubectl, name = actor.stage.kubectl, actor.world.name

    def harm() -> None:
        no_finalizers = json.dumps({"metadata": {"finalizers": None}})
        kubectl("annotate", "-n", name, f"drx/{RUN}", "drs-operator.io/force-delete=yes")
        kubectl("delete", "-n", name, f"drx/{RUN}", "--wait=false")
        kubectl.run("patch", "-n", name, f"drx/{RUN}", "--type=merge", "-p", no_finalizers)
        until(actor, "it is gone", lambda: kubectl.run("get", "-n", name, f"drx/{RUN}").returncode != 0)
        kubectl.apply(actor.world.execution())
        until(actor, "the new object shows the run", lambda: _holds(actor))
        actor.gate.fired = True

    play(actor, Hooks(held=harm))


def _holds(actor: Actor) -> bool:
    found = actor.stage.kubectl.status("drx", RUN, actor.world.name).get("holds", [])
    return [hold["id"] for hold in found] == ["2.1"]


def _called(actor: Actor, operation: str) -> bool:
    return any(f" {operation}" in name for name, _ in actor.gate.mutations)


FAULTS: dict[str, Fault] = {
    "lost answer": lost_answer,
    "late answer": late_answer,
    "late request": late_request,
    "frozen leader": frozen,
    "frozen alone": frozen_alone,
    "API server restarted": api_server_restarted,
    "watch stalled": watch_stalled,
    "etcd restored": etcd_restored,
    "credentials expired": credentials_expired,
    "ledger away": ledger_away,
    "execution brought back": brought_back,
    "late request, clock ahead": late_request,
    "lost answer, clock behind": lost_answer,
}
_ELECTED = {"frozen leader": QUICK}
"""Settings of faults that need more than one process."""
_CLOCKS = {"late request, clock ahead": TWO_MINUTES, "lost answer, clock behind": -TWO_MINUTES}


def fault_trial(name: str, source: Path | None = None) -> Trial:
    """Plays a fault in a world of its own."""

    def trial(stage: Stage) -> Result | None:
        world = stage.world()
        if world is None:
            return None
        gate = Gate()
        wrong = _CLOCKS.get(name)
        code = source if wrong is None else shifted(stage.folder / f"{world.name}-code", wrong, source)
        actor = Actor(stage, world, gate, code, **_ELECTED.get(name, {}))
        return judged("fault", name, actor, FAULTS[name], gate)

    return trial
