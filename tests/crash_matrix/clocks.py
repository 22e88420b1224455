"""A copy of the operator whose clock goes wrong by some seconds, in every line of Python that it runs."""

from __future__ import annotations

from pathlib import Path

from tests.crash_matrix.breaks import copied
from tests.crash_matrix.stage import SIGNATURE_SECONDS

TWO_MINUTES = SIGNATURE_SECONDS * 2 / 5
"""Of the five for which a real signature is good; the matrix has shorter ones."""
_SITE = '''"""Python imports this before anything else."""

import datetime
import time

_right, _time, _off = datetime.datetime, time.time, {seconds!r}


class _Kind(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _right)


class datetime_(_right, metaclass=_Kind):
    @classmethod
    def now(cls, tz=None):
        return _right.now(tz) + datetime.timedelta(seconds=_off)

    @classmethod
    def utcnow(cls):
        return _right.utcnow() + datetime.timedelta(seconds=_off)


datetime.datetime = datetime_
time.time = lambda: _time() + _off
'''


def shifted(folder: Path, seconds: float, source: Path | None = None) -> Path:
    """Copies the package, or the copy at `source`; its clock is ahead by so many seconds, behind if they are < 0.

    Returns the folder for PYTHONPATH.
    """
    target = copied(folder, source=source)
    (target / "sitecustomize.py").write_text(_SITE.format(seconds=seconds))
    return target
