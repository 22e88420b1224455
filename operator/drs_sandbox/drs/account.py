"""InitializeService: DRS in an account and Region that did not have it yet."""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs.simulation import Call


def initialize_service(call: Call) -> dict[str, Any]:
    """InitializeService: once more is no error."""
    call.region.initialized = True
    return {}
