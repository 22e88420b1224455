"""An instance's status checks are `initializing` first; moto's are `ok` at once."""

from __future__ import annotations

import math
from typing import Any

from moto.ec2.models.instances import Instance

from drs_sandbox.clock import Clock

STATUS_CHECK_SECONDS = 120
"""Seconds of progress from an instance's start until its status checks are `ok`."""

_RUNNING = 16
_SINCE = "sandbox_running_since"


def mend_status_checks(clock: Clock) -> None:
    """Counts status checks from each start, on the clock."""

    def starts(original: Any) -> Any:
        def started(self: Any, *args: Any, **kwargs: Any) -> Any:
            setattr(self, _SINCE, clock.progress())
            return original(self, *args, **kwargs)

        return started

    def status(self: Any) -> dict[str, Any]:
        if self.state_code != _RUNNING:
            return {"Status": "not-applicable"}
        passed = clock.age(getattr(self, _SINCE)) >= STATUS_CHECK_SECONDS
        return {
            "Status": "ok" if passed else "initializing",
            "Details": [{"Name": "reachability", "Status": "passed" if passed else "initializing"}],
        }

    Instance.__init__ = starts(Instance.__init__)
    Instance.start = starts(Instance.start)
    Instance.instance_status = property(status)
    Instance.system_status = property(status)


def has_run_long(instance: Any) -> None:
    """Marks an instance as one that has been up since before this world began."""
    setattr(instance, _SINCE, -math.inf)
