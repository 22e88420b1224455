"""Whether data is fresh enough: limits, and no flicker around them."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs_operator.api.v1alpha1.enums import RpoState
from drs_operator.planning.rpo import rpo_state
from tests.unit.planning.tables import table

MET, AT_RISK, MISSED, UNKNOWN = RpoState.MET, RpoState.AT_RISK, RpoState.MISSED, RpoState.UNKNOWN


@pytest.mark.parametrize(
    ("lag", "target", "before", "want", "because"),
    table(
        ("no target", 5, None, MET, UNKNOWN, "no plan says what is fresh enough"),
        ("no lag", None, 100, MET, UNKNOWN, "AWS does not say how far behind it is"),
        ("fresh", 0, 100, None, MET, "nothing would be lost"),
        ("at three quarters", 75, 100, None, MET, "above, not at"),
        ("above three quarters", 76, 100, None, AT_RISK, "little room is left"),
        ("at the target", 100, 100, None, AT_RISK, "the target itself is met"),
        ("above the target", 101, 100, None, MISSED, "more would be lost than allowed"),
        ("met, worse", 76, 100, MET, AT_RISK, "worse is said at once"),
        ("met, much worse", 101, 100, MET, MISSED, "worse is said at once"),
        ("at risk, hardly better", 66, 100, AT_RISK, AT_RISK, "not clearly below three quarters"),
        ("at risk, better", 65, 100, AT_RISK, MET, "clearly below three quarters"),
        ("at risk, worse", 101, 100, AT_RISK, MISSED, "worse is said at once"),
        ("missed, hardly better", 91, 100, MISSED, MISSED, "not clearly below the target"),
        ("missed, better", 90, 100, MISSED, AT_RISK, "clearly below the target"),
        ("missed, between", 70, 100, MISSED, AT_RISK, "below the target, not clearly below three quarters"),
        ("missed, good", 65, 100, MISSED, MET, "clearly below both"),
        ("unknown before", 70, 100, UNKNOWN, MET, "no memory: the plain limits"),
        ("a word of a newer version", 70, 100, "Perhaps", MET, "no memory: the plain limits"),
    ),
)
def test_rpo_state(lag: int | None, target: int | None, before: str | None, want: RpoState, because: str) -> None:
    assert rpo_state(None if lag is None else timedelta(seconds=lag), target, before) is want, because


@given(
    st.integers(1, 100_000),
    st.sampled_from([0.75, 1.0]),
    st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=30),
    st.sampled_from([None, *RpoState]),
)
def test_a_lag_that_swings_around_a_limit_changes_the_state_once_at_most(
    target: int, limit: float, swings: list[float], before: RpoState | None
) -> None:
    shown = [rpo_state(timedelta(seconds=target * (limit + swings[0])), target, before)]
    for swing in swings:
        shown.append(rpo_state(timedelta(seconds=target * (limit + swing)), target, shown[-1]))
    assert sum(1 for earlier, later in itertools.pairwise(shown) if earlier != later) <= 1
