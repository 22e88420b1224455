"""Who calls: the hub's own key, sessions of assumed roles, and keys that were made with IAM."""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from drs_sandbox.aws.credentials import HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY, HUB_USER_NAME
from drs_sandbox.aws.signature import Refusal, Refused
from drs_sandbox.clock import Clock

_ID_ALPHABET = string.ascii_uppercase + "234567"
HUB_USER_ID = "AIDACKCEVSQ6C2EXAMPLE"


@dataclass(frozen=True)
class Caller:
    """Whoever signs with an access key. `role_arn` is None for users."""

    access_key_id: str
    secret_access_key: str
    account: str
    arn: str
    user_id: str
    role_arn: str | None = None


@dataclass(frozen=True)
class Session:
    """A session of a role: the caller that it makes, its token, and when it ends on AWS's clock."""

    caller: Caller
    token: str
    expiration: datetime
    expires_at_progress: float


class Sessions:
    """All access keys that the simulated AWS accepts. Called under the clock's lock.

    `iam_key` looks up an access key that a client made with IAM.
    """

    def __init__(self, clock: Clock, hub_account: str, iam_key: Callable[[str], Caller | None]) -> None:
        self._clock = clock
        self._iam_key = iam_key
        self._sessions: dict[str, Session] = {}
        self._ended: set[str] = set()
        self._hub = Caller(
            HUB_ACCESS_KEY_ID,
            HUB_SECRET_ACCESS_KEY,
            hub_account,
            f"arn:aws:iam::{hub_account}:user/{HUB_USER_NAME}",
            HUB_USER_ID,
        )

    def caller(self, access_key_id: str, token: str | None) -> Caller:
        """The owner of an access key. Raises Refused (UNKNOWN_KEY), also for a session without its own token."""
        session = self._sessions.get(access_key_id)
        if session is not None:
            if token is None or not hmac.compare_digest(token.encode(), session.token.encode()):
                raise Refused(Refusal.UNKNOWN_KEY)
            return session.caller
        caller = self._hub if access_key_id == HUB_ACCESS_KEY_ID else self._iam_key(access_key_id)
        if caller is None or token is not None:
            raise Refused(Refusal.UNKNOWN_KEY)
        return caller

    def check_alive(self, caller: Caller) -> None:
        """Raises Refused (SESSION_EXPIRED) when the caller's session is over."""
        session = self._sessions.get(caller.access_key_id)
        if session is None:
            return
        if caller.access_key_id in self._ended or self._clock.progress() >= session.expires_at_progress:
            raise Refused(Refusal.SESSION_EXPIRED)

    def open(self, account: str, role_arn: str, role_id: str, name: str, seconds: float) -> Session:
        """Starts a session of a role that lasts `seconds` of progress."""
        role_name = role_arn.rsplit("/", 1)[-1]
        caller = Caller(
            access_key_id="ASIA" + _random_id(16),
            secret_access_key=secrets.token_urlsafe(30),
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            user_id=f"{role_id}:{name}",
            role_arn=role_arn,
        )
        session = Session(
            caller,
            token=secrets.token_urlsafe(120),
            expiration=self._clock.now() + self._clock.delta(seconds),
            expires_at_progress=self._clock.progress() + seconds,
        )
        self._sessions[caller.access_key_id] = session
        return session

    def end(self, caller: Caller) -> None:
        """Ends a session before its time; the keys of users stay valid."""
        if caller.access_key_id in self._sessions:
            self._ended.add(caller.access_key_id)


def _random_id(length: int) -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(length))
