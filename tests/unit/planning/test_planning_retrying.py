"""What a retry is refused for: only where nothing can be done about what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.requests import Command, Evidence, No
from drs_operator.planning.retrying import missing, retry
from drs_operator.planning.run import RunServer
from tests import builders as b
from tests.unit.planning.tables import table

HELD = ErrorRecord(code="SERVER_CONFLICT", message="held by dr/other; retry when it has ended")
HOLDER = {b.server_id(2): "dr/other"}
UP, MISSING = b.run_server(1, "Ready", attempt=1), b.run_server(2, "Failed", attempt=1, error=HELD)
LATE = b.run_server(2, "Ready", attempt=1)
BOOTING = b.run_server(1, "Launched", attempt=1)


@pytest.mark.parametrize(
    ("servers", "held_by", "want", "because"),
    table(
        ("free", (UP, MISSING), {}, ["Ready", "Pending"], "it is launched again"),
        ("held", (UP, MISSING), HOLDER, None, "nothing can be done now"),
        (
            "held, one boots",
            (BOOTING, MISSING),
            HOLDER,
            ["Launched", "Failed"],
            "it is waited for",
        ),
        ("all up late", (UP, LATE), {}, ["Ready", "Ready"], "it timed out, and all came up since: it ends well"),
    ),
)
def test_a_retry_of_a_wave(
    servers: tuple[RunServer, ...], held_by: Mapping[str, str], want: list[str] | None, because: str
) -> None:
    intent = b.intent(1, [1, 2], "Ended")
    wave = b.run_wave(1, servers, phase="TimedOut", on_failure="Pause")
    run = b.run(wave, intents=(intent,), holds=(b.hold("1.1", "WaveFailed"),))

    after = retry(run, Command("retry", "1.1", "jane"), Evidence({b.PLACE: ()}, held_by), b.at(minutes=5))

    if want is None:
        assert isinstance(after, No), because
        assert "held by another run (host-2 by dr/other)" in after.message
    else:
        assert not isinstance(after, No), because
        assert [server.phase for server in after.wave(1).servers] == want, because
        assert (after.wave(1).attempt, after.open_holds()) == (2, [])


def test_a_server_whose_call_is_open_is_not_called_again_beside_it() -> None:
    wave = b.run_wave(1, [UP, b.run_server(2, "Failed", attempt=1)], phase="TimedOut", on_failure="Pause")
    calling = b.intent(1, [2], "Calling", shard=2)
    run = b.run(wave, intents=(b.intent(1, [1], "Ended"), calling), holds=(b.hold("1.1", "WaveFailed"),))

    assert missing(run, wave) == [], "a process died between the record of the server and that of the call"
    ended = run.with_intent(calling.model_copy(update={"state": "Ended"}))
    assert [server.server_id for server in missing(ended, wave)] == [b.server_id(2)]
