"""A run told from its row."""

from __future__ import annotations

from drs_operator.planning.run import Answer, Hold
from drs_operator.planning.timeline import timeline
from tests import builders as b


def test_a_run_is_told_in_the_order_in_which_things_happened() -> None:
    wave = b.run_wave(
        1,
        phase="Completed",
        queued_from=b.at(20),
        start_time=b.at(40),
        ready_time=b.at(100),
        end_time=b.at(105),
    )
    run = b.run(
        waves=(wave,),
        state="Ended",
        claimed_time=b.at(0),
        start_time=b.at(5),
        intents=(b.intent(1, state="Ended", job_id=b.job_id(1), called_at=b.at(40), end_time=b.at(103)),),
        holds=(Hold(id="1.1", wave_number=1, reason="Requested", since=b.at(6), closed_at=b.at(15), closed_by="jane"),),
        answers=(Answer(type="resume", value="1.1", requested_by="jane", observed_time=b.at(15), outcome="Accepted"),),
        verdict="Completed",
        verdict_time=b.at(106),
        finish_time=b.at(110),
    )
    told = [(int((m.time - b.NOW).total_seconds()), m.wave, m.what.split(":")[0]) for m in timeline(run)]
    assert told == [
        (0, None, "DRILL of plan production claimed, asked for by jane@example.com"),
        (5, None, "started"),
        (6, 1, "held"),
        (15, 1, "hold 1.1 closed by jane"),
        (15, None, "command resume=1.1 by jane"),
        (20, 1, "waits for quota, or for a server that is in another job"),
        (40, 1, f"StartRecovery in {b.ACCOUNT}/{b.REGION}, shard 1 of attempt 1"),
        (100, 1, "every required server is ready"),
        (103, 1, f"job {b.job_id(1)} ended, shard 1 of attempt 1"),
        (105, 1, "Completed"),
        (106, None, "verdict"),
        (110, None, "ended"),
    ]


def test_a_run_that_has_only_begun_has_a_beginning() -> None:
    assert [m.what for m in timeline(b.run(waves=(), start_time=None, state="Claimed"))] == [
        "DRILL of plan production claimed, asked for by jane@example.com"
    ]
