"""A row of the table: what was measured, and the floor that it must keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Counts are asserted by tests, ratios and sizes are only reported."""

    name: str
    value: float
    most: float | None = None
    """The floor: not more than this."""
    least: float | None = None
    """The floor: not less than this."""
    count: bool = True

    @property
    def kept(self) -> bool | None:
        """Whether the floor is kept; None where there is none."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def floor(self) -> str:
        """The floor in words."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else ""

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "kept": self.kept}
