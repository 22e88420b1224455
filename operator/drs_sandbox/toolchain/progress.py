"""What a waiting person sees: one line that moves on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_TERMINAL_SECONDS = 0.5
_PLAIN_SECONDS = 15.0
_CLEAR_LINE = "\r\x1b[2K"


def duration(seconds: float) -> str:
    """``75`` → ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Reporter:
    """Says what happens, on stderr unless told otherwise, so that stdout stays for results."""

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @property
    def _out(self) -> TextIO:
        return self._stream or sys.stderr  # looked up late: tests and shells exchange sys.stderr

    def say(self, line: str) -> None:
        """One line that stays."""
        self._out.write(f"{line}\n")
        self._out.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A piece of work with a beginning and an end; ``update`` may be called as often as one likes."""
        step = Step(title, self._out, self._clock)
        step.begin()
        try:
            yield step
        except BaseException:
            step.finish("stopped")
            raise
        step.finish("done")


class Step:
    """Work that goes on; made by ``Reporter.step``."""

    def __init__(self, title: str, out: TextIO, clock: Callable[[], float]) -> None:
        self._title = title
        self._out = out
        self._clock = clock
        self._terminal = out.isatty()
        self._began = self._shown = clock()

    def begin(self) -> None:
        self._write(f"{self._title} …")

    def update(self, detail: str = "") -> None:
        now = self._clock()
        if now - self._shown < (_TERMINAL_SECONDS if self._terminal else _PLAIN_SECONDS):
            return
        self._shown = now
        parts = [part for part in (detail, duration(now - self._began)) if part]
        self._write(f"{self._title}: {', '.join(parts)}")

    def finish(self, word: str) -> None:
        self._write(f"{self._title}: {word} after {duration(self._clock() - self._began)}")
        if self._terminal:
            self._out.write("\n")
        self._out.flush()

    def _write(self, text: str) -> None:
        if self._terminal:
            # A line that wraps could not be cleared as a whole.
            self._out.write(_CLEAR_LINE + text[: shutil.get_terminal_size().columns - 1])
        else:
            self._out.write(f"{text}\n")
        self._out.flush()
