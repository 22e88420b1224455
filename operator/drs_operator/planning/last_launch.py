"""The second look for a lost launch: the job that the servers themselves name as their last launch.

For a job that does not show its tags. It is taken only if everything else fits: every server of the call names this
very job as its last launch, the job holds exactly these servers, is a drill exactly if the run is one, began not
before the call (less what clocks may be off), and carries no token of another call.

Why that is safe: what else could fit is a launch that somebody made by hand, of exactly these servers, of the same
kind, within the minutes of an unknown outcome. DRS runs one job for a server at a time and destroys the instance of
the launch before, so then ours either never was or has been replaced. To follow that job launches nothing and destroys
nothing, and the servers come up as the run wanted them; to call again would destroy what that person has launched. A
clean-up later terminates drill instances only, never a real recovery.
"""

from __future__ import annotations

from collections.abc import Iterable

from drs_operator.planning import adopting
from drs_operator.planning.facts import Job, Jobs, SourceServer
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import Run


def job_of(run: Run, intent: LaunchIntent, servers: Iterable[SourceServer], board: Jobs) -> Job | None:
    """The job of a call of unknown outcome, by its servers' last launch; None: they do not tell."""
    last = {server.server_id: server.last_launch_job_id for server in servers}
    named = {last.get(server_id) for server_id in intent.server_ids}
    if len(named) != 1 or None in named:
        return None
    (job_id,) = named
    if any(other.job_id == job_id for other in run.intents):
        return None
    job = board.by_id().get(job_id or "")
    return job if adopting.difference(run, run.wave(intent.wave_number), intent, job) is None else None
