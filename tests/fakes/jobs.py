"""What the fake of AWS keeps of a job and of an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class FakeJob:
    """A job: what it was called with, and when it does what."""

    job_id: str
    created_at: datetime
    is_drill: bool
    server_ids: tuple[str, ...]
    tags: dict[str, str]
    launched_at: datetime
    ends_at: datetime
    unseen_until: datetime | None = None
    terminates: tuple[str, ...] = ()
    """Instances of its servers, in the same order, that it terminates; none: it launches."""
    failed: dict[str, str] = field(default_factory=dict)
    """Servers that it did not bring up, whose later jobs will: their launch status."""


@dataclass
class FakeAccount:
    """An account: what its role wants, and whether it lets anybody in."""

    external_id: str | None
    refused: bool = False
