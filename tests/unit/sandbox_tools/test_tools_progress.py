from __future__ import annotations

import io

import pytest

from drs_sandbox.toolchain.progress import Reporter, duration


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "want"), [(0.2, "0 s"), (59.6, "1 min 00 s"), (75, "1 min 15 s"), (283, "4 min 43 s")]
)
def test_duration(seconds: float, want: str) -> None:
    assert duration(seconds) == want


def run_for(out: io.StringIO, seconds: int) -> str:
    clock = Clock()
    with Reporter(out, clock=clock).step("etcd") as step:
        for second in range(1, seconds + 1):
            clock.now = float(second)
            step.update(f"{second} packages")
    return out.getvalue()


def test_plain_output_has_a_line_every_15_seconds() -> None:
    assert run_for(io.StringIO(), 31).splitlines() == [
        "etcd …",
        "etcd: 15 packages, 15 s",
        "etcd: 30 packages, 30 s",
        "etcd: done after 31 s",
    ]


def test_terminal_has_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run_for(Terminal(), 3)
    assert shown.count("\n") == 1
    assert shown.split("\r\x1b[2K")[1:] == [
        "etcd …",
        "etcd: 1 packages, 1 s",
        "etcd: 2 packages, 2 s",
        "etcd: 3 packages, 3 s",
        "etcd: done after 3 s\n",
    ]


def test_failure_is_not_called_done() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="x"), Reporter(out, clock=Clock()).step("etcd"):
        raise ValueError("x")
    assert out.getvalue().splitlines()[-1] == "etcd: stopped after 0 s"


def test_terminal_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    shown = run_for(Terminal(), 1).rstrip("\n").split("\r\x1b[2K")[1:]
    assert shown == ["etcd …", "etcd: 1 pac", "etcd: done "]
