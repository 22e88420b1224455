"""Whether a source server can be recovered: by evidence, not by the name of a state."""

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1.enums import WorstLag
from drs_operator.planning import health
from tests import builders as b
from tests.unit.planning.tables import table


@pytest.mark.parametrize(
    ("state", "sure", "with_point", "without_point", "because"),
    table(
        ("continuous", "CONTINUOUS", True, True, True, "it replicates, so it has points"),
        ("backlog", "BACKLOG", True, True, True, "behind, but its initial sync is over"),
        ("rescan", "RESCAN", True, True, True, "its initial sync is over"),
        ("snapshot", "CREATING_SNAPSHOT", True, True, True, "it replicates"),
        ("stalled", "STALLED", None, True, False, "only a point tells: a stalled server with one is recoverable"),
        ("paused", "PAUSED", None, True, False, "only a point tells"),
        ("initial sync", "INITIAL_SYNC", None, True, False, "no point yet, unless it is a sync anew"),
        ("initiating", "INITIATING", None, True, False, "no point yet"),
        ("disconnected", "DISCONNECTED", False, False, False, "never, whatever points are left"),
        ("stopped", "STOPPED", False, False, False, "stopping deletes the points"),
        ("unknown", "HIBERNATING", None, True, False, "a state of a newer AWS is decided by the point"),
        ("empty", "", None, True, False, "no state is a doubt"),
    ),
)
def test_recoverable(state: str, sure: bool | None, with_point: bool, without_point: bool, because: str) -> None:
    server = b.source_server(replication_state=state)

    assert health.surely_recoverable(server) is sure, because
    assert health.recoverable(server, has_point=True) is with_point, because
    assert health.recoverable(server, has_point=False) is without_point, because


@pytest.mark.parametrize(
    ("lags", "want", "because"),
    table(
        ("none", [], None, "no server, no lag"),
        ("unknown", [None], None, "not known is not zero"),
        ("zero", [0], WorstLag.UNDER_1_MINUTE, "in step"),
        ("just below", [59.9], WorstLag.UNDER_1_MINUTE, "below a minute"),
        ("a minute", [60], WorstLag.UNDER_15_MINUTES, "the bound belongs to the next bucket"),
        ("a quarter", [900], WorstLag.UNDER_1_HOUR, "the bound belongs to the next bucket"),
        ("an hour", [3600], WorstLag.OVER_1_HOUR, "the bound belongs to the next bucket"),
        ("the worst", [5, None, 1000], WorstLag.UNDER_1_HOUR, "the largest of those known"),
    ),
)
def test_worst_lag(lags: list[float | None], want: WorstLag | None, because: str) -> None:
    servers = [b.source_server(lag=None if lag is None else timedelta(seconds=lag)) for lag in lags]

    assert health.worst_lag(servers) == want, because
