"""The drill that every point is tried on: from `kubectl apply` to Finished, whatever happens to the operator."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.crash_matrix.stage import Actor
from tests.crash_matrix.world import RUN

PATIENCE_SECONDS = 240.0
QUIET_SECONDS = 1.5
"""No more writes for so long after the end: then the operator has done all that it does."""
_TURN_SECONDS = 0.15


class TooLate(Exception):
    """Something did not happen in time."""


@dataclass(slots=True)
class Hooks:
    """What a fault does to the drill at its stations; each is called once, in the scenario's own thread."""

    ready: Callable[[], None] = field(default=lambda: None)
    """The plan is Ready, nothing runs yet."""
    applied: Callable[[], None] = field(default=lambda: None)
    """The execution was applied."""
    held: Callable[[], None] = field(default=lambda: None)
    """The second wave waits for a person."""
    resumed: Callable[[], None] = field(default=lambda: None)
    """The person has said go on."""


def play(actor: Actor, hooks: Hooks | None = None) -> dict[str, Any]:
    """Runs the drill; returns the execution's status at its end. Raises TooLate."""
    hooks = hooks or Hooks()
    kubectl, world = actor.stage.kubectl, actor.world
    kubectl("create", "namespace", world.name)
    kubectl.apply(*world.objects())
    actor.start()
    until(actor, "the plan is Ready", lambda: _is_ready(actor))
    hooks.ready()
    kubectl.apply(world.execution())
    hooks.applied()
    until(actor, "wave 2 is held", lambda: [h["id"] for h in status_of(actor).get("holds", [])] == ["2.1"])
    hooks.held()
    kubectl("annotate", "-n", world.name, f"drx/{RUN}", "drs-operator.io/resume=2.1")
    hooks.resumed()
    until(actor, "the drill is finished", lambda: status_of(actor).get("finishTime"))
    until(actor, "the operator is quiet", lambda: time.monotonic() - actor.gate.last_change > QUIET_SECONDS)
    return status_of(actor)


def until(actor: Actor, what: str, reached: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
    """Waits, and keeps the operator up meanwhile. Raises TooLate."""
    deadline = time.monotonic() + seconds
    while not reached():
        actor.keep_up()
        if time.monotonic() > deadline:
            shown = {key: status_of(actor).get(key) for key in ("phase", "waitingFor", "holds")}
            raise TooLate(f"not within {seconds:.0f} s: {what}; the execution shows {shown}")
        time.sleep(_TURN_SECONDS)


def status_of(actor: Actor) -> dict[str, Any]:
    """The execution's status, empty while there is none or nobody answers."""
    return _status(actor, f"/namespaces/{actor.world.name}/drexecutions/{RUN}")


def _is_ready(actor: Actor) -> bool:
    conditions = _status(actor, f"/namespaces/{actor.world.name}/recoveryplans/three").get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _status(actor: Actor, path: str) -> dict[str, Any]:
    found = actor.stage.read(f"/apis/drs-operator.io/v1alpha1{path}")
    return dict((found or {}).get("status", {}))
