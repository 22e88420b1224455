"""Waiting for what comes true by itself, and looking for what should be gone."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that name ``folder`` in theirs or work in it."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if command and (str(folder) in command or (process / "cwd").resolve().is_relative_to(folder)):
                found.append(command)
        except OSError:  # it ended while we looked
            continue
    return found


def refused(url: str) -> bool:
    """Whether nobody listens at ``url``."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with socket.socket() as client:
        return client.connect_ex((parts.hostname, parts.port)) != 0


def all_refused(urls: Iterable[str]) -> bool:
    return all(refused(url) for url in urls)
