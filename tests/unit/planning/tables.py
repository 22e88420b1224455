"""How decisions are tabled: one row a case, its name first."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def table(*rows: tuple[Any, ...]) -> list[ParameterSet]:
    """Rows of (name, given…, want, because) as parameters; the name becomes the id of the test."""
    return [pytest.param(*row[1:], id=str(row[0])) for row in rows]
