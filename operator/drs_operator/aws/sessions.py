"""Sessions and clients for target accounts: roles assumed, refreshed before and on expiry, one loader for all.

What calls AWS here is blocking and goes through `Sessions.run`, which puts it on threads: a place (account and Region)
has a few of its own, so that one that hangs takes nobody else's.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from drs_operator.aws import errors
from drs_operator.planning.facts import Place
from drs_operator.ports import Access, ReadFailed

T = TypeVar("T")
Identity = tuple[str, ...]

THREADS_PER_PLACE = 4
SESSION_SECONDS = 3600
"""Role chaining allows no more."""
IDLE_SECONDS = 900.0
"""A session that nobody has used for so long is dropped: each run has one of its own."""

_READ = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}, tcp_keepalive=True
)


class _Account:
    """A session of an account and its clients. Its lock makes that one role is assumed once, however many ask."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Any = None
        self.clients: dict[tuple[str, str], Any] = {}
        self.failed: tuple[float, ReadFailed] | None = None
        self.used = time.monotonic()


class Sessions:
    """Clients by account, role, Region and service. Thread-safe. `read` configures the clients for reads."""

    def __init__(self, read: Config = _READ) -> None:
        self._read = read
        self._hub = botocore.session.get_session()
        self._loader = self._hub.get_component("data_loader")
        self._making = (
            threading.RLock()
        )  # neither botocore's sessions nor its loader may be used by two threads at once
        self._lock = threading.Lock()
        self._accounts: dict[Identity, _Account] = {}
        self._threads: dict[Place, ThreadPoolExecutor] = {}
        self._skew: dict[Place, timedelta] = {}
        self._heard: dict[tuple[Place, str], float] = {}

    @property
    def home_region(self) -> str | None:
        """The operator's own Region, where roles are assumed; botocore itself does not know AWS_REGION."""
        region = os.environ.get("AWS_REGION") or self._hub.get_config_variable("region")
        return str(region) if region else None

    def close(self) -> None:
        """Lets go of the threads; a call that hangs is not waited for."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, access: Access, region: str, call: Callable[[], T]) -> T:
        """Runs a blocking call on one of the place's threads; renews the session once if AWS calls it expired.

        Raises ReadFailed or AccessDenied in the operator's vocabulary.
        """
        used = self._account(access)
        try:
            return await self._on_thread(access, region, call)
        except ClientError as error:
            if errors.code_of(error) not in errors.EXPIRED:
                raise errors.read_failed(error, access, region) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise errors.read_failed(error, access, region) from error
        self._forget(access, used)
        try:
            return await self._on_thread(access, region, call)
        except errors.FAILED as error:
            raise errors.read_failed(error, access, region) from error

    async def _on_thread(self, access: Access, region: str, call: Callable[[], T]) -> T:
        place = Place(access.account_id, region)
        if (threads := self._threads.get(place)) is None:
            threads = self._threads[place] = ThreadPoolExecutor(THREADS_PER_PLACE, thread_name_prefix=f"aws-{place}")
        # The context goes along: the pinned signing time travels in a context variable.
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: context.run(call))

    def client(self, access: Access, service: str, region: str) -> Any:
        """A client for reads. Blocking: the first use may assume the role. Raises ReadFailed."""
        account, asked = self._account(access), time.monotonic()
        with account.lock:
            session = self._entered(account, access, region, asked)
            client = account.clients.get((service, region))
            if client is None:
                client = account.clients[service, region] = self._make(session, access, service, region, self._read)
            return client

    def client_for_one_call(self, access: Access, service: str, region: str, config: Config) -> Any:
        """A client for one mutation; close it afterwards. Blocking. Raises ReadFailed, ClientError, BotoCoreError.

        Its credentials are fixed and its connection is new: a call by it fails for its own sake only, neither while
        credentials are renewed nor because a kept connection has died.
        """
        account, asked = self._account(access), time.monotonic()
        with account.lock:
            session = self._entered(account, access, region, asked)
            credentials = session.get_credentials()
        if credentials is None:
            raise errors.no_credentials()
        return self._make(session, access, service, region, config, credentials.get_frozen_credentials())

    def forget(self, access: Access) -> None:
        """Drops the session and its clients; the next call assumes the role anew."""
        self._forget(access, self._account(access))

    def _forget(self, access: Access, account: _Account) -> None:
        """Drops this session only: of several calls that find it expired, the later ones leave the new one alone."""
        identity = identity_of(access)
        with self._lock:
            if self._accounts.get(identity) is account:
                del self._accounts[identity]

    def aws_time(self, access: Access, region: str) -> datetime:
        """AWS's clock: ours plus the difference that its last answer from there showed."""
        return datetime.now(UTC) + self._skew.get(Place(access.account_id, region), timedelta())

    def heard(self, access: Access, region: str, operation: str) -> float:
        """When an operation was answered last in a place, by `time.monotonic`; 0: never."""
        return self._heard.get((Place(access.account_id, region), operation), 0.0)

    def _account(self, access: Access) -> _Account:
        identity, now = identity_of(access), time.monotonic()
        with self._lock:
            account = self._accounts.get(identity)
            if account is None:
                idle = [key for key, known in self._accounts.items() if now - known.used > IDLE_SECONDS]
                for key in idle:
                    del self._accounts[key]
                account = self._accounts[identity] = _Account()
            account.used = now
            return account

    def _entered(self, account: _Account, access: Access, region: str, asked: float) -> Any:
        """The session, made by whoever comes first; who waited for a failure shares it. Called under its lock."""
        if account.session is None:
            if account.failed is not None and account.failed[0] >= asked:
                raise account.failed[1]
            try:
                account.session = self._enter(access, self.home_region or region)
            except ReadFailed as error:
                account.failed = (time.monotonic(), error)
                raise
        return account.session

    def _enter(self, access: Access, sts_region: str) -> Any:
        session: Any = botocore.session.Session()
        session.register_component("data_loader", self._loader)
        with self._making:
            own = self._hub.get_credentials()
        if own is None:
            raise errors.no_credentials()
        # botocore has no public way to give a session refreshable credentials of one's own.
        session._credentials = self._assume(access, access.role_arn, own, sts_region) if access.role_arn else own
        self._verify(session, access, sts_region)
        return session

    def _assume(self, access: Access, role_arn: str, own: Any, sts_region: str) -> RefreshableCredentials:
        extra = {"RoleSessionName": access.session_name[:64], "DurationSeconds": SESSION_SECONDS}
        if access.external_id:
            extra["ExternalId"] = access.external_id

        def create_sts(service: str, **credentials: Any) -> Any:
            with self._making:
                return self._hub.create_client(service, config=self._read, region_name=sts_region, **credentials)

        fetcher = AssumeRoleCredentialFetcher(create_sts, own, role_arn, extra_args=extra)

        def fetch() -> Any:
            try:
                return fetcher.fetch_credentials()
            except errors.FAILED as error:
                raise errors.assume_failed(error, access) from errors.without_secrets(error, access)

        metadata = fetch()
        # Sessions can be much shorter than an hour (a sandbox that runs faster): refresh in proportion.
        expires = datetime.fromisoformat(metadata["expiry_time"])
        lifetime = max(1.0, (expires - datetime.now(UTC)).total_seconds())
        return RefreshableCredentials.create_from_metadata(
            metadata=metadata,
            refresh_using=fetch,
            method="assume-role",
            advisory_timeout=math.ceil(min(900, lifetime / 4)),
            mandatory_timeout=math.ceil(min(600, lifetime / 10)),
        )

    def _verify(self, session: Any, access: Access, sts_region: str) -> None:
        """The account behind the credentials must be the declared one: asked once a session, before anything else."""
        try:
            sts = self._make(session, access, "sts", sts_region, self._read)
            found = str(sts.get_caller_identity()["Account"])
        except errors.FAILED as error:
            raise errors.read_failed(error, access, sts_region) from error
        if found != access.account_id:
            raise errors.other_account(access, found)

    def _make(self, session: Any, access: Access, service: str, region: str, config: Config, fixed: Any = None) -> Any:
        keys = {}
        if fixed is not None:
            keys = {
                "aws_access_key_id": fixed.access_key,
                "aws_secret_access_key": fixed.secret_key,
                "aws_session_token": fixed.token,
            }
        with self._making:
            client = session.create_client(service, region_name=region, config=config, **keys)
        place = Place(access.account_id, region)
        client.meta.events.register("after-call", lambda model, parsed, **_: self._note(place, model.name, parsed))
        return client

    def _note(self, place: Place, operation: str, parsed: dict[str, Any]) -> None:
        self._heard[(place, operation)] = time.monotonic()
        date = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
        try:
            self._skew[place] = parsedate_to_datetime(date) - datetime.now(UTC)
        except (ValueError, TypeError):
            return  # no header, or none that can be read: the difference stays as it was known


def mutating(read_timeout: float, **options: Any) -> Config:
    """Configuration of a client that never repeats a call."""
    return Config(connect_timeout=5, read_timeout=read_timeout, retries={"total_max_attempts": 1}, **options)


def identity_of(access: Access) -> Identity:
    """Who enters which account, without the external id itself: what is kept by it holds no secret."""
    external = hashlib.sha256(access.external_id.encode()).hexdigest() if access.external_id else ""
    return (access.account_id, access.role_name or "", external, access.session_name)
