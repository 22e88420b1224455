"""Side effects counted in their order, so that a test can kill the operator around any one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone. Like SIGKILL, it is nothing that the operator could catch."""


class Effects:
    """What was done to the outside world, in order; every fake that changes something does it through here."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.meanwhile: dict[str, Callable[[], None]] = {}
        """What else happens in the world right after an effect or an AWS call of this name."""
        self._at: int | None = None
        self._applied = False

    def moment(self, name: str) -> None:
        """Something of this name was just done: lets happen what a test wants to happen then, once."""
        if (act := self.meanwhile.pop(name, None)) is not None:
            act()

    def kill_at(self, number: int, applied: bool) -> None:
        """The effect of this number (from 0) kills: before it happens, or once it did and before it is answered."""
        self._at, self._applied = number, applied

    def __call__(self, name: str, apply: Callable[[], T]) -> T:
        """Does one effect. What is refused (raises) is none."""
        fatal = self._at == len(self.done)
        if fatal and not self._applied:
            self._at = None
            raise Killed(f"before {name}")
        result = apply()
        self.done.append(name)
        self.moment(name)
        if fatal:
            self._at = None
            raise Killed(f"after {name}")
        return result
