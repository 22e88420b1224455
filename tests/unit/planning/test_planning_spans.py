"""How much time spans cover together."""

from datetime import datetime

import pytest

from drs_operator.planning.spans import covered
from tests.builders import at
from tests.unit.planning.tables import table


@pytest.mark.parametrize(
    ("given", "want", "because"),
    table(
        ("none", [], 0, "no span, no time"),
        ("one", [(0, 10)], 10, "its length"),
        ("apart", [(20, 25), (0, 10)], 15, "both, in any order"),
        ("overlap", [(0, 10), (5, 15)], 15, "what they share counts once"),
        ("inside", [(0, 100), (10, 20), (30, 40)], 100, "the inner ones add nothing"),
        ("touch", [(0, 10), (10, 20)], 20, "no gap, no overlap"),
        ("backwards", [(10, 0), (20, 25)], 5, "a span that ends before it begins is none"),
    ),
)
def test_covered(given: list[tuple[int, int]], want: int, because: str) -> None:
    spans: list[tuple[datetime, datetime]] = [(at(begin), at(end)) for begin, end in given]

    assert covered(spans).total_seconds() == want, because
