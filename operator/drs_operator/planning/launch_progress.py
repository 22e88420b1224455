"""What is said of the launch settings of a group: a state for each server, one condition, one Event for a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.enums import ConditionType, LaunchConfigurationState
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning.aspects import Aspect, bad, good
from drs_operator.planning.facts import Failure, SourceServer
from drs_operator.planning.naming import few, joined
from drs_operator.planning.news import News

State = LaunchConfigurationState
MESSAGE_LENGTH = 900
SHORT_LENGTH = 120


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the settings of one server stand."""

    state: State
    differences: tuple[str, ...] = ()
    """What AWS has otherwise than wanted."""
    failure: Failure | None = None

    @property
    def message(self) -> str | None:
        """In one line: the code and what it is about, or what differs."""
        if self.failure is not None:
            return f"{self.failure.code}: {self.failure.message}"  # of a Pending one: what it waits for
        return "; ".join(self.differences) or None


@dataclass(frozen=True, slots=True)
class Restraint:
    """Why nothing is written now."""

    state: State
    """What is said of a server that differs."""
    reason: str
    text: str
    ready: bool = True
    """Whether the group may be Ready all the same."""


@dataclass(frozen=True, slots=True)
class Progress:
    """All managed servers of a group, by id."""

    servers: Mapping[str, ServerSettings] = field(default_factory=dict)
    restraint: Restraint | None = None
    unread: Failure | None = None
    """AWS did not answer, so nothing is known anew."""
    waiting: tuple[str, ...] = ()
    """Ids of servers with settings of their own that are not in the group."""


def aspect(progress: Progress, members: Mapping[str, SourceServer]) -> Aspect | None:
    """The condition LaunchConfigurationSynced; None while nothing is managed."""
    found = _aspect(progress, members)
    if found is None or not progress.waiting:
        return found
    text = f"settings for servers that are not in the group wait until they are: {few(progress.waiting)}"
    return replace(found, message=f"{found.message}; {text}")


def _aspect(progress: Progress, members: Mapping[str, SourceServer]) -> Aspect | None:
    type, total = ConditionType.LAUNCH_CONFIGURATION_SYNCED, len(progress.servers)
    if progress.unread is not None:
        message = f"launch settings cannot be compared: {progress.unread.message}"
        return Aspect(type, None, bad(type, progress.unread.code, "").reason, message)
    if not total:
        return good(type, "Synced", "no server has settings") if progress.waiting else None
    failed = _in_state(progress, State.FAILED)
    if failed:
        first = progress.servers[failed[0]].failure
        assert first is not None
        text = f"{len(failed)} of {total} servers cannot have their launch settings: {_told(failed, progress, members)}"
        return bad(type, first.code, text)
    different = [i for i in sorted(progress.servers) if progress.servers[i].state is not State.SYNCED]
    if not different:
        return good(type, "Synced", f"{total} servers launch as it is written here")
    told = _told(different, progress, members)
    if progress.restraint is not None:
        text = f"{progress.restraint.text}: {len(different)} of {total} servers differ: {told}"
        return Aspect(type, False, progress.restraint.reason, text, needed=not progress.restraint.ready)
    if drifted := _in_state(progress, State.DRIFTED):
        told = _told(drifted, progress, members)
        text = f"{len(drifted)} of {total} servers were changed on AWS and are mended at the next look: {told}"
        return Aspect(type, False, "Drifted", text)
    return Aspect(type, None, "Pending", f"{len(different)} of {total} servers wait to be written: {told}")


def news(before: ProtectionGroupStatus, after: ProtectionGroupStatus) -> list[News]:
    """One Event when the condition changes; the way there (Pending) is not told."""
    old, new = (find_condition(s.conditions, ConditionType.LAUNCH_CONFIGURATION_SYNCED) for s in (before, after))
    if new is None or new.status == "Unknown" or (old is not None and old.reason == new.reason):
        return []
    word = "LaunchConfigurationSynced" if new.status == "True" else new.reason
    return [News(new.status != "True", word, new.message)]


def _in_state(progress: Progress, state: State) -> list[str]:
    return [server_id for server_id in sorted(progress.servers) if progress.servers[server_id].state is state]


def _told(ids: Sequence[str], progress: Progress, members: Mapping[str, SourceServer]) -> str:
    names = [members[i].hostname or i if i in members else i for i in ids]
    lines = [
        f"{name}: {progress.servers[i].message or 'not looked at yet'}" for name, i in zip(names, ids, strict=True)
    ]
    return joined(lines[:5], [line[:SHORT_LENGTH] for line in lines[:5]], MESSAGE_LENGTH) + (
        "" if len(ids) <= 5 else f"; also {few(names[5:])}"
    )
