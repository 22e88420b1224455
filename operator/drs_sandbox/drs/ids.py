"""Ids, ARNs and jitter of the simulated DRS: drawn from what they belong to, so that runs repeat."""

from __future__ import annotations

from hashlib import sha256

ID_LENGTH = 17


def hex_id(prefix: str, *owner: object) -> str:
    """An id as DRS and EC2 make them: the prefix and 17 hexadecimal digits."""
    return f"{prefix}-{_digest(*owner)[:ID_LENGTH]}"


def jitter(low: float, high: float, *owner: object) -> float:
    """A number between `low` and `high` that is always the same for the same owner."""
    return low + (high - low) * int(_digest(*owner)[:13], 16) / 16**13


def arn(region: str, account: str, resource: str) -> str:
    """The ARN of a DRS resource, e.g. `source-server/s-…`, in the Region's partition."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:drs:{region}:{account}:{resource}"


def parse_arn(text: str) -> tuple[str, str, str, str] | None:
    """Region, account, resource type and resource id of a DRS ARN; None when it is not one."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "drs" or "/" not in parts[5]:
        return None
    kind, _, name = parts[5].partition("/")
    return parts[3], parts[4], kind, name


def _digest(*owner: object) -> str:
    return sha256("/".join(str(part) for part in owner).encode()).hexdigest()
