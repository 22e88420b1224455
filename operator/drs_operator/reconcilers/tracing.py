"""The structured log of a run: a line for each transition, with the ids that AWS's tags and audit trail carry, too.

The token is written as `launch`: it names a call and is no secret, and a key of its own name would be blotted out.
"""

from __future__ import annotations

from drs_operator.observability.logs import log
from drs_operator.planning.news import News
from drs_operator.planning.run import Run


def trace(before: Run, after: Run, told: list[News]) -> None:
    """Logs what has changed between two states of a run, once each was recorded in the ledger."""
    line = log.bind(execution=f"{after.namespace}/{after.name}", execution_id=after.execution_id)
    waves = {wave.wave_number: wave.phase for wave in before.waves}
    for wave in after.waves:
        if waves.get(wave.wave_number) not in (None, wave.phase):
            line.info("wave", wave=wave.wave_number, attempt=wave.attempt, phase=wave.phase)
    intents = {intent.key: intent.state for intent in before.intents}
    for intent in after.intents:
        if intents.get(intent.key) != intent.state:
            line.info(
                "launch intent",
                wave=intent.wave_number,
                attempt=intent.attempt,
                shard=intent.shard,
                launch=intent.token,
                state=intent.state,
                servers=len(intent.server_ids),
                job=intent.job_id,
            )
    for item in told:
        (line.warning if item.warning else line.info)("run event", reason=item.reason, message=item.message)
