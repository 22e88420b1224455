"""The phases that a server goes through in a job, with the log events and timings of real drills.

Of two real drills of two servers each: JOB_START 0.4 s after the call, SNAPSHOT_START at 0.8 s, SNAPSHOT_END 0.2 s
later where the source had just been snapshotted, CONVERSION_START at 53 s, CONVERSION_END at 3:46 to 4:10,
LAUNCH_START half a second later, LAUNCH_END at 8:50, JOB_END two seconds later. Each server varies a little, always in
the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from drs_sandbox.drs.ids import hex_id, jitter
from drs_sandbox.drs.jobs import Script, Step, add_log
from drs_sandbox.drs.launching import launch_from_template
from drs_sandbox.drs.ports import LaunchRejected, Phase
from drs_sandbox.drs.recovery_instances import is_removable, note_launched, remove
from drs_sandbox.drs.recovery_points import INTERVAL, RecoveryPoint
from drs_sandbox.drs.simulation import Resume, Simulation
from drs_sandbox.drs.state import SENDING, Job, Participant, RecoveryInstance, RegionState, SourceServer

FIRST_EVENT_SECONDS = 0.4
BETWEEN_SECONDS = 0.5
CLEANUP_SECONDS = (20.0, 40.0)
SNAPSHOT_SECONDS = 0.2
SNAPSHOT_CATCHING_UP_SECONDS = (20.0, 60.0)
SNAPSHOT_CAP_SECONDS = 600.0
CONVERSION_SERVER_SECONDS = 52.0
CONVERSION_SECONDS = (173.0, 197.0)
CONVERSION_ATTEMPTS = 3
LAUNCH_SECONDS = (283.0, 300.0)
LAUNCH_REFUSAL_SECONDS = 30.0
TERMINATE_SECONDS = (20.0, 60.0)
_NO_TERMINATION = "UnauthorizedOperation: You are not authorized to perform this operation: ec2:TerminateInstances"
DEFAULT_RAW_ERROR: dict[Phase, str] = {
    "CLEANUP": _NO_TERMINATION,
    "SNAPSHOT": "SnapshotCreationPerVolumeRateExceeded: The maximum rate of CreateSnapshot for a volume was exceeded",
    "CONVERSION": "InternalError: the conversion server did not answer",
    "LAUNCH": "InsufficientInstanceCapacity: There is no capacity for the requested instance type",
    "TERMINATE": _NO_TERMINATION,
}


class PhaseFailed(Exception):
    """A server's part of a job has failed; the log has said why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A server's part in a job."""

    simulation: Simulation
    region: RegionState
    job: Job
    participant: Participant
    server: SourceServer

    def log(self, event: str, **data: Any) -> None:
        """Adds an entry about this server to the job's log."""
        add_log(self.simulation, self.job, event, sourceServerID=self.server.id, **data)

    def jitter(self, bounds: tuple[float, float], what: str) -> float:
        """The duration of a phase of this server in this job."""
        return jitter(*bounds, self.job.id, self.server.id, what)


def launch(part: Part, pinned: RecoveryPoint | None) -> Script:
    """The whole way of a server in a launch, with a recovery point that was pinned or else the most recent data."""
    try:
        yield FIRST_EVENT_SECONDS
        yield from _cleanup(part)
        point = yield from _snapshot(part, pinned)
        if part.server.launch_settings.recovery_mode != "FAST":
            yield from _conversion(part)
        yield BETWEEN_SECONDS
        yield from _launch_instance(part, point)
    except PhaseFailed:
        part.participant.status = "FAILED"


def launch_converted(part: Part, conversion: Participant) -> Script:
    """The way of an extended source server, whose snapshot another job converts in the staging account."""

    def converted(resume: Resume) -> None:
        if conversion.done:
            resume()
        else:
            conversion.waiting.append(resume)

    try:
        yield FIRST_EVENT_SECONDS
        yield from _cleanup(part)
        yield converted
        if conversion.point is None:
            part.log("CONVERSION_FAIL", rawError="The conversion in the staging account has failed")
            raise PhaseFailed
        yield BETWEEN_SECONDS
        yield from _launch_instance(part, conversion.point)
    except PhaseFailed:
        part.participant.status = "FAILED"


def convert(part: Part, pinned: RecoveryPoint | None) -> Script:
    """The part of a server in the staging account in the recovery of one that extends it."""
    try:
        yield FIRST_EVENT_SECONDS
        point = yield from _snapshot(part, pinned)
        yield from _conversion(part)
        part.participant.point = point
        part.participant.status = "LAUNCHED"
    except PhaseFailed:
        part.participant.status = "FAILED"


def terminate(part: Part, instance: RecoveryInstance) -> Script:
    """The termination of a recovery instance."""
    try:
        yield FIRST_EVENT_SECONDS
        part.log("CLEANUP_START")
        yield from _meet_fault(part, "TERMINATE", lambda error: _fail(part, BETWEEN_SECONDS, "CLEANUP_FAIL", error))
        yield part.jitter(TERMINATE_SECONDS, "TERMINATE")
        known = part.simulation.ec2.instance(part.region.account, part.region.name, instance.id)
        if known is not None and known.termination_protected:
            part.log(
                "CLEANUP_FAIL",
                rawError=f"OperationNotPermitted: The instance '{instance.id}' may not be terminated. "
                "Modify its 'disableApiTermination' instance attribute and try again.",
            )
            raise PhaseFailed
        remove(part.simulation, part.region, instance)
        part.log("CLEANUP_END")
        part.participant.status = "TERMINATED"
    except PhaseFailed:
        part.participant.status = "FAILED"


def fail_back(part: Part, instance: RecoveryInstance) -> Script:
    """The last step home of an on-premises server: its data is converted there, and it reboots from it."""
    try:
        yield FIRST_EVENT_SECONDS
        yield from _conversion(part)
        yield BETWEEN_SECONDS
        yield from _begin_launch(part)
        instance.failback_replication = None
        instance.failback_completed = True
        part.participant.status = "LAUNCHED"
        part.log("LAUNCH_END")
    except PhaseFailed:
        part.participant.status = "FAILED"


def _cleanup(part: Part) -> Script:
    """Removes the server's earlier recovery instances, drill or recovery; those that are protected stay."""

    def removable() -> list[RecoveryInstance]:
        earlier = part.region.instances_of(part.server.id)
        return [instance for instance in earlier if is_removable(part.simulation, part.server, instance)]

    if not removable():
        return
    part.log("CLEANUP_START")
    yield from _meet_fault(part, "CLEANUP", lambda error: _fail(part, BETWEEN_SECONDS, "CLEANUP_FAIL", error))
    yield part.jitter(CLEANUP_SECONDS, "CLEANUP")
    for instance in removable():
        remove(part.simulation, part.region, instance)
    part.log("CLEANUP_END")
    yield BETWEEN_SECONDS


def _snapshot(part: Part, pinned: RecoveryPoint | None) -> Generator[Step, None, RecoveryPoint | None]:
    """The recovery point to launch from. Without a pinned one a snapshot is taken now; a source that cannot give one
    within ten minutes is launched from its newest point.
    """
    if pinned is not None:
        return pinned
    part.log("SNAPSHOT_START")
    yield from _meet_fault(part, "SNAPSHOT", lambda error: _fail(part, BETWEEN_SECONDS, "SNAPSHOT_FAIL", error))
    clock, points = part.simulation.clock, part.server.replication.points
    seconds = _snapshot_seconds(part)
    if seconds > SNAPSHOT_CAP_SECONDS:
        yield SNAPSHOT_CAP_SECONDS
        previous = points.newest_taken(clock.progress())
        if previous is None:
            part.log("USING_PREVIOUS_SNAPSHOT_FAILED", rawError="There is no consistent recovery point")
            raise PhaseFailed
        part.log("USING_PREVIOUS_SNAPSHOT")
        return previous
    point = points.begin(clock.progress(), clock.timestamp())
    yield seconds
    point.taken = clock.timestamp()
    part.log("SNAPSHOT_END")
    return point


def _snapshot_seconds(part: Part) -> float:
    """How long a snapshot of the most recent data takes: as long as the source needs to send what it lags behind."""
    server, progress = part.server, part.simulation.clock.progress()
    if server.state not in SENDING:
        return float("inf")
    lag = server.replication.lag.total_seconds()
    newest = server.replication.points.newest_taken(progress)
    if server.state == "CONTINUOUS" and not lag and newest and progress - newest.progress <= INTERVAL:
        return SNAPSHOT_SECONDS
    return max(lag, part.jitter(SNAPSHOT_CATCHING_UP_SECONDS, "SNAPSHOT"))


def _conversion(part: Part) -> Script:
    server_id = hex_id("i", part.job.id, part.server.id, "conversion")
    seconds = part.jitter(CONVERSION_SECONDS, "CONVERSION")

    def failure(error: str) -> Script:
        for attempt in range(1, CONVERSION_ATTEMPTS + 1):
            if attempt > 1:
                part.log("CONVERSION_START", conversionServerID=server_id)
            yield seconds / CONVERSION_ATTEMPTS
            attempts = {"attemptCount": attempt, "maxAttemptsCount": CONVERSION_ATTEMPTS}
            part.log("CONVERSION_FAIL", conversionServerID=server_id, rawError=error, **attempts)

    yield CONVERSION_SERVER_SECONDS
    part.log("CONVERSION_START", conversionServerID=server_id)
    yield from _meet_fault(part, "CONVERSION", failure)
    yield seconds
    part.log("CONVERSION_END", conversionServerID=server_id)


def _begin_launch(part: Part) -> Script:
    part.log("LAUNCH_START")
    yield from _meet_fault(part, "LAUNCH", lambda error: _fail(part, LAUNCH_REFUSAL_SECONDS, "LAUNCH_FAILED", error))
    yield part.jitter(LAUNCH_SECONDS, "LAUNCH")


def _launch_instance(part: Part, point: RecoveryPoint | None) -> Script:
    yield from _begin_launch(part)
    try:
        instance = launch_from_template(part.simulation, part.region, part.server)
    except LaunchRejected as rejected:
        part.log("LAUNCH_FAILED", rawError=rejected.raw_error)
        raise PhaseFailed from None
    note_launched(part.simulation, part.region, part.job, part.server, instance, point)
    part.participant.instance_id = instance.instance_id
    part.participant.status = "LAUNCHED"
    part.log("LAUNCH_END", targetInstanceID=instance.instance_id)


def _meet_fault(part: Part, phase: Phase, failure: Callable[[str], Script]) -> Script:
    """Lets a fault of the phase act, if there is one; `failure` is how the phase fails, given the raw error."""
    fault = part.simulation.faults.phase_fault(phase, part.region.account, part.region.name, part.server.id)
    if fault is None:
        return
    if "lateStatus" in fault.effects:
        part.participant.late_seconds = max(part.participant.late_seconds, fault.seconds or 0.0)
    if "stuck" in fault.effects:
        yield part.simulation.park
    if "launchFailed" in fault.effects:
        yield from failure(fault.raw_error or DEFAULT_RAW_ERROR[phase])
        raise PhaseFailed


def _fail(part: Part, seconds: float, event: str, error: str) -> Script:
    yield seconds
    part.log(event, rawError=error)
