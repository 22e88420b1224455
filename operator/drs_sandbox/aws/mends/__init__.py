"""What moto gets wrong about EC2 and what is put right before it serves the first request.

Each module mends one subject by replacing methods of moto's classes, in this process, once. The contract tests name
each mend, so a moto that no longer needs one, or no longer fits it, is noticed.
"""

from __future__ import annotations

import os

from moto import settings

from drs_sandbox.aws.mends.addresses import mend_addresses
from drs_sandbox.aws.mends.launches import mend_launches
from drs_sandbox.aws.mends.lookups import mend_lookups
from drs_sandbox.aws.mends.status_checks import mend_status_checks
from drs_sandbox.aws.mends.templates import mend_launch_templates
from drs_sandbox.aws.mends.time import mend_time
from drs_sandbox.clock import Clock

__all__ = ["mend_moto"]


def mend_moto(clock: Clock) -> None:
    """Mends moto in this process; its times become the clock's."""
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would put every call into one account
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # thousands of images a Region, of no use here
    settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
    mend_time(clock)
    mend_status_checks(clock)
    mend_addresses()
    mend_launches()
    mend_lookups()
    mend_launch_templates()
