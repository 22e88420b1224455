"""Refusals of the sandbox: each has a code, a reason, and the next step for the person who reads it."""

from __future__ import annotations


class SandboxError(Exception):
    """Something the sandbox cannot do.

    ``code`` is a CamelCase word that programs may compare, ``reason`` says what is wrong, ``next_step`` what to do.
    """

    def __init__(self, code: str, reason: str, next_step: str) -> None:
        super().__init__(code, reason, next_step)
        self.code = code
        self.reason = reason
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}\n  → {self.next_step}"
