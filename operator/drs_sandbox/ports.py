"""Free ports on 127.0.0.1 that stay ours from the moment they are chosen.

A port that is found free and let go can be taken before the server binds it. etcd and the Kubernetes programs can
share a port (``SO_REUSEPORT``), so for them this process keeps its own socket bound, never listening: nobody else gets
the port, not even while the server is stopped, and connections go to the server alone.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A port on 127.0.0.1 held until ``release`` for servers that bind with ``SO_REUSEPORT``."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def free_port() -> int:
    """A port that was free a moment ago, for servers that cannot share one: the caller must be ready to try again."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
