"""How several things are named in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs_operator.planning.naming import few, joined
from tests.unit.planning.tables import table


@pytest.mark.parametrize(
    ("names", "want", "because"),
    table(
        ("none", [], "", "nothing to name"),
        ("all", ["a", "b"], "a, b", "few enough"),
        ("just", list("abcde"), "a, b, c, d, e", "five are named"),
        ("more", list("abcdefg"), "a, b, c, d, e and 2 more", "the rest is counted"),
    ),
)
def test_few(names: list[str], want: str, because: str) -> None:
    assert few(names) == want, because


@pytest.mark.parametrize(
    ("length", "want", "because"),
    table(
        ("room", 40, "first long; second long; third long", "everything fits"),
        ("less", 28, "first long; second long; 3", "the last ones are cut short"),
        ("little", 10, "1; 2; 3", "all cut short"),
        ("hardly", 13, "1; 2; 3", "one long and two short would be one too many"),
        ("nearly none", 6, "3 of them", "not even one and how many more"),
    ),
)
def test_joined(length: int, want: str, because: str) -> None:
    assert joined(["first long", "second long", "third long"], ["1", "2", "3"], length) == want, because


def test_what_does_not_fit_in_short_is_counted() -> None:
    names = [f"wave-{n:02}" for n in range(50)]

    assert joined(names, names, 30) == "wave-00; wave-01; and 48 more"


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=60), st.integers(12, 400))
def test_it_always_fits(parts: list[str], length: int) -> None:
    assert len(joined(parts, [part[:4] for part in parts], length)) <= length
