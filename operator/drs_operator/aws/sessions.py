"""Sessions and clients for target accounts: roles assumed, refreshed before and on expiry, one loader for all.

Everything here is blocking and called through `Sessions.run`, which puts it on bounded threads: a place has its own
few slots, so that one that hangs takes nobody else's.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from drs_operator.aws import errors
from drs_operator.ports import Access, AccessDenied

T = TypeVar("T")

SLOTS_PER_PLACE = 4
THREADS = 64
SESSION_SECONDS = 3600
"""Role chaining allows no more."""

_READ = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}, tcp_keepalive=True
)


class Sessions:
    """Clients by account, role, Region and service. Thread-safe."""

    def __init__(self) -> None:
        self._hub = botocore.session.get_session()
        self._loader = self._hub.get_component("data_loader")
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, ...], Any] = {}
        self._clients: dict[tuple[Any, ...], Any] = {}
        self._slots: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._skew: dict[tuple[str, str], timedelta] = {}

    @property
    def home_region(self) -> str:
        """The operator's own Region."""
        return str(self._hub.get_config_variable("region") or "us-east-1")

    def close(self) -> None:
        """Lets go of the threads; a call that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, access: Access, region: str, call: Callable[[], T]) -> T:
        """Runs a blocking call in one of the place's slots; renews the session once if AWS calls it expired.

        Raises ReadFailed or AccessDenied in the operator's vocabulary.
        """
        slots = self._slots.setdefault((access.account_id, region), asyncio.Semaphore(SLOTS_PER_PLACE))
        async with slots:
            try:
                return await self._on_thread(call)
            except ClientError as error:
                if errors.code_of(error) not in errors.EXPIRED:
                    raise errors.read_failed(error, access, region) from error
            except BotoCoreError as error:
                raise errors.read_failed(error, access, region) from error
            self.forget(access)
            try:
                return await self._on_thread(call)
            except (ClientError, BotoCoreError) as error:
                raise errors.read_failed(error, access, region) from error

    async def _on_thread(self, call: Callable[[], T]) -> T:
        # The context goes along: the pinned signing time travels in a context variable.
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(call))

    def client(self, access: Access, service: str, region: str, config: Config | None = None) -> Any:
        """A client for reads, or with the given configuration. Blocking: the first use may assume the role."""
        session = self._session(access)
        key = (*_identity(access), service, region, id(config))
        with self._lock:
            if (client := self._clients.get(key)) is not None:
                return client
        client = session.create_client(service, region_name=region, config=config or _READ)
        client.meta.events.register("after-call", lambda parsed, **_: self._note_time(access, region, parsed))
        with self._lock:
            return self._clients.setdefault(key, client)

    def forget(self, access: Access) -> None:
        """Drops the session and its clients; the next call assumes the role anew."""
        identity = _identity(access)
        with self._lock:
            self._sessions.pop(identity, None)
            self._clients = {key: c for key, c in self._clients.items() if key[: len(identity)] != identity}

    def aws_time(self, access: Access, region: str) -> datetime:
        """AWS's clock: ours plus the difference that its last answer from there showed."""
        return datetime.now(UTC) + self._skew.get((access.account_id, region), timedelta())

    def _note_time(self, access: Access, region: str, parsed: dict[str, Any]) -> None:
        date = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self._skew[(access.account_id, region)] = parsedate_to_datetime(date) - datetime.now(UTC)

    def _session(self, access: Access) -> Any:
        identity = _identity(access)
        with self._lock:
            if (known := self._sessions.get(identity)) is not None:
                return known
        session: Any = botocore.session.Session()
        session.register_component("data_loader", self._loader)
        # botocore has no public way to give a session refreshable credentials of one's own.
        session._credentials = self._assume(access, arn) if (arn := access.role_arn) else self._hub.get_credentials()
        self._verify(session, access)
        with self._lock:
            return self._sessions.setdefault(identity, session)

    def _assume(self, access: Access, role_arn: str) -> RefreshableCredentials:
        extra = {"RoleSessionName": access.session_name[:64], "DurationSeconds": SESSION_SECONDS}
        if access.external_id:
            extra["ExternalId"] = access.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=lambda service, **kwargs: self._hub.create_client(service, config=_READ, **kwargs),
            source_credentials=self._hub.get_credentials(),
            role_arn=role_arn,
            extra_args=extra,
        )
        try:
            metadata = fetcher.fetch_credentials()
        except (ClientError, BotoCoreError) as error:
            raise errors.assume_failed(error, access) from error
        # Sessions can be much shorter than an hour (a sandbox that runs faster): refresh in proportion.
        expires = datetime.fromisoformat(metadata["expiry_time"])
        lifetime = max(1.0, (expires - datetime.now(UTC)).total_seconds())
        return RefreshableCredentials.create_from_metadata(
            metadata=metadata,
            refresh_using=fetcher.fetch_credentials,
            method="assume-role",
            advisory_timeout=int(min(900, lifetime / 4)),
            mandatory_timeout=int(min(600, lifetime / 10)),
        )

    def _verify(self, session: Any, access: Access) -> None:
        """The account behind the credentials must be the one that was declared."""
        sts = session.create_client("sts", config=_READ, region_name=self._hub.get_config_variable("region"))
        account = sts.get_caller_identity()["Account"]
        if account != access.account_id:
            raise AccessDenied(
                "ACCOUNT_CHANGED",
                f"the credentials for TargetAccount {access.account_name} belong to account {account}, "
                f"not {access.account_id}; correct spec.accountId or spec.assumeRoleName",
            )


def mutating(**options: Any) -> Config:
    """Configuration of a client that never repeats a call."""
    return Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}, **options)


def _identity(access: Access) -> tuple[str, ...]:
    external = hashlib.sha256(access.external_id.encode()).hexdigest() if access.external_id else ""
    return (access.account_id, access.role_name or "", external, access.session_name)
