"""Every reason that a person may meet: where it is seen, what it means, what to do first.

Data only. `python -m drs_operator.api.reasons docs/reference/reasons.md` writes the reference from it; the pages of
`docs/runbooks` go into each.
"""

from drs_operator.api.reasons.accounts import ACCOUNTS
from drs_operator.api.reasons.commands import COMMANDS
from drs_operator.api.reasons.gateway import GATEWAY
from drs_operator.api.reasons.groups import GROUPS
from drs_operator.api.reasons.launch_settings import LAUNCH_SETTINGS
from drs_operator.api.reasons.ledger import LEDGER
from drs_operator.api.reasons.plans import PLANS
from drs_operator.api.reasons.queue import QUEUE
from drs_operator.api.reasons.record import Area, Form, Reason, Seen
from drs_operator.api.reasons.requests import REQUESTS
from drs_operator.api.reasons.runs import RUNS

REASONS: tuple[Reason, ...] = (
    *REQUESTS,
    *ACCOUNTS,
    *GROUPS,
    *LAUNCH_SETTINGS,
    *PLANS,
    *RUNS,
    *QUEUE,
    *COMMANDS,
    *LEDGER,
    *GATEWAY,
)

__all__ = ["REASONS", "Area", "Form", "Reason", "Seen"]
