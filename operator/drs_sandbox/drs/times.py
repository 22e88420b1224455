"""Times and durations as DRS writes and reads them.

Jobs and job logs carry `2022-12-07T19:15:38.846723+00:00`, everything else `2022-12-07T19:15:38.846723Z`. Both are
read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(
    r"[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|\+00:00)"
)


def offset_form(timestamp: float) -> str:
    """The form with an offset, of jobs and job logs; seconds since the epoch in."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="microseconds")


def zulu_form(timestamp: float) -> str:
    """The form with `Z`, of everything else; seconds since the epoch in."""
    return offset_form(timestamp).replace("+00:00", "Z")


def parse(text: str) -> float | None:
    """Seconds since the epoch of either form; None when the text is neither."""
    if not _FORM.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:  # the 30th of February has the right form
        return None


def between(timestamp: float, first: float | None, last: float | None) -> bool:
    """Whether a moment lies between two others, both included, to the microsecond that the written form has."""
    moment = datetime.fromtimestamp(timestamp, UTC).timestamp()
    return (first is None or moment >= first) and (last is None or moment <= last)


def duration(value: timedelta) -> str:
    """An ISO 8601 duration, e.g. `PT0S`, `PT1H5M`, `P1DT2S`."""
    seconds = value.total_seconds()
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{int(days)}D" if days else ""
    time = (f"{int(hours)}H" if hours else "") + (f"{int(minutes)}M" if minutes else "")
    if seconds or not (date or time):
        time += f"{seconds:g}S"
    return f"P{date}" + (f"T{time}" if time else "")
