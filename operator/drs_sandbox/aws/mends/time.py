"""moto takes its times from the machine; here they are AWS's."""

from __future__ import annotations

import sys
from datetime import datetime

from moto.core import utils

from drs_sandbox.clock import Clock


def mend_time(clock: Clock) -> None:
    """Replaces `utcnow` in moto: in the module that defines it, and in those that imported it already."""
    original = utils.utcnow

    def utcnow() -> datetime:
        return clock.now().replace(tzinfo=None)  # moto's times are naive

    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and getattr(module, "utcnow", None) is original:
            module.utcnow = utcnow  # type: ignore[attr-defined]
