"""Which waves and servers of its plan a run covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drs_operator.api.v1alpha1.drexecution import Scope
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan, WaveSpec
from drs_operator.planning import waves
from drs_operator.planning.flaws import launched_by
from drs_operator.planning.ground import Candidate, Ground, candidates


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is left of a plan within the scope of a run."""

    waves: tuple[WaveSpec, ...]
    """Those that the run pins, in the plan's order."""
    members: Mapping[str, list[Candidate]]
    """All members of each group, by its name."""
    servers: Mapping[str, list[Candidate]]
    """Those of them that are in scope."""
    launched_by: Mapping[str, int]
    """By server: the wave that launches it."""
    unknown_waves: tuple[int, ...]
    """Numbers that the scope names and the plan does not have."""
    unknown_servers: tuple[str, ...]
    """Servers that the scope names and its waves do not have."""

    @property
    def empty(self) -> bool:
        """Nothing is left to launch."""
        return not any(self.servers.get(wave.protection_group_ref.name) for wave in self.waves)


def covers(scope: Scope | None, number: int) -> bool:
    """Whether a wave is asked for."""
    return scope is None or not scope.waves or number in scope.waves


def coverage(scope: Scope | None, plan: RecoveryPlan, ground: Ground) -> Coverage:
    """What a run of this scope covers. A wave of whose servers none is asked for is not run at all."""
    asked = [wave for wave in plan.spec.waves if covers(scope, wave.wave_number)]
    names = {wave.protection_group_ref.name for wave in asked}
    groups: dict[str, ProtectionGroup] = {name: group for name, group in ground.groups.items() if name in names}
    members = {name: candidates(group, ground) for name, group in groups.items()}
    servers = {name: [c for c in found if _asked(scope, c.server_id)] for name, found in members.items()}
    kept = tuple(wave for wave in asked if _runs(scope, members.get(wave.protection_group_ref.name), servers, wave))
    narrowed = plan.model_copy(update={"spec": plan.spec.model_copy(update={"waves": list(kept)})})
    listed = {name: [c.server_id for c in found] for name, found in servers.items()}
    return Coverage(kept, members, servers, launched_by(narrowed, listed), *_unknown(scope, plan, members))


def waits_for(wave: WaveSpec, plan: RecoveryPlan, covered: Coverage) -> tuple[int, ...]:
    """The covered waves that this one waits for.

    A wave that is left out is satisfied as soon as the waves are that it would wait for itself: so the order of those
    that are run stays as the plan has it. What a wave that is left out names against the launch order is not followed:
    no finding tells of it, and waves would wait for each other.
    """
    by_number = {other.wave_number: other for other in plan.spec.waves}
    inside = {other.wave_number for other in covered.waves}
    found: set[int] = set()
    seen: set[int] = set()
    todo = list(waves.waits_for(wave, plan.spec.waves))
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        if number in inside:
            found.add(number)
        else:
            left_out = by_number[number]
            todo += [
                other
                for other in waves.waits_for(left_out, plan.spec.waves)
                if waves.order(by_number[other]) < waves.order(left_out)
            ]
    return tuple(sorted(found - {wave.wave_number}))


def _asked(scope: Scope | None, server_id: str) -> bool:
    if scope is None:
        return True
    return (not scope.server_ids or server_id in scope.server_ids) and server_id not in scope.exclude_server_ids


def _runs(
    scope: Scope | None, members: list[Candidate] | None, servers: Mapping[str, list[Candidate]], wave: WaveSpec
) -> bool:
    """Whether anything of a wave is asked for; one whose group is missing or empty is, unless servers are named."""
    if members is None:
        return True
    by_name = scope is not None and bool(scope.server_ids)
    return bool(servers[wave.protection_group_ref.name]) or (not members and not by_name)


def _unknown(
    scope: Scope | None, plan: RecoveryPlan, members: Mapping[str, list[Candidate]]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    if scope is None:
        return (), ()
    numbers = set(scope.waves) - {wave.wave_number for wave in plan.spec.waves}
    known = {candidate.server_id for found in members.values() for candidate in found}
    named = set(scope.server_ids)
    if not scope.waves:  # else the waves that are left out may have it: then there is nothing to leave out
        named |= set(scope.exclude_server_ids)
    return tuple(sorted(numbers)), tuple(sorted(named - known))
