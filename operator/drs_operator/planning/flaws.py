"""What is wrong with the waves of a plan, all of it at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from drs_operator.api.v1alpha1.limits import SERVERS_PER_PLAN
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan, WaveSpec
from drs_operator.planning import waves
from drs_operator.planning.engine import SERVERS_PER_JOB
from drs_operator.planning.naming import few

Members = Mapping[str, Collection[str] | None]
"""The server ids of each group that exists, by its name; None: the group is there, its servers are not known yet."""


@dataclass(frozen=True, slots=True)
class WaveFinding:
    """What is wrong with a wave, or with the plan as a whole."""

    code: str
    wave_number: int | None
    message: str


def wave_findings(plan: RecoveryPlan, members: Members) -> list[WaveFinding]:
    """All findings about the waves themselves."""
    found: list[WaveFinding] = []
    listed = plan.spec.waves
    if not listed:
        found.append(WaveFinding("PLAN_HAS_NO_WAVES", None, "the plan has no waves; add one to spec.waves"))
    by_number = {wave.wave_number: wave for wave in listed}
    used: dict[str, int] = {}
    for wave in listed:
        number, group = wave.wave_number, wave.protection_group_ref.name
        if group in used:
            message = f"group {group} is in wave {used[group]} already; a group may be in one wave only"
            found.append(WaveFinding("INVALID_WAVE_DATA", number, message))
        used.setdefault(group, number)
        found += _dependencies(wave, by_number)
        if group not in members:
            message = f"ProtectionGroup {group} does not exist in this namespace; create it or correct the wave"
            found.append(WaveFinding("PROTECTION_GROUP_NOT_FOUND", number, message))
        elif (servers := members[group]) is not None:
            found += _sizes(plan, wave, servers)
    found += _shared(plan, members)
    total = sum(len(members.get(name) or ()) for name in used)
    if total > SERVERS_PER_PLAN:
        message = f"{total} servers, a plan takes at most {SERVERS_PER_PLAN}; make two plans of it"
        found.append(WaveFinding("PLAN_TOO_LARGE", None, message))
    return found


def launched_by(plan: RecoveryPlan, members: Members) -> dict[str, int]:
    """The wave that launches each server: the first that has it. A second launch would destroy the first's instance."""
    first: dict[str, int] = {}
    for wave in waves.in_order(plan.spec.waves):
        for server_id in members.get(wave.protection_group_ref.name) or ():
            first.setdefault(server_id, wave.wave_number)
    return first


def _sizes(plan: RecoveryPlan, wave: WaveSpec, servers: Collection[str]) -> list[WaveFinding]:
    found = []
    number, group = wave.wave_number, wave.protection_group_ref.name
    if strangers := sorted(set(wave.optional_server_ids) - set(servers)):
        message = f"optionalServerIds names servers that are not in group {group}: {few(strangers)}; take them out"
        found.append(WaveFinding("INVALID_WAVE_DATA", number, message))
    if len(servers) > SERVERS_PER_JOB and not plan.spec.split_oversized_waves:
        message = f"group {group} has {len(servers)} servers, a drill takes at most {SERVERS_PER_JOB} in a wave; "
        message += "set spec.splitOversizedWaves: true, or split the group"
        found.append(WaveFinding("WAVE_SIZE_EXCEEDED", number, message))
    return found


def _shared(plan: RecoveryPlan, members: Members) -> list[WaveFinding]:
    first = launched_by(plan, members)
    found = []
    for wave in plan.spec.waves:
        group = wave.protection_group_ref.name
        shared = sorted(s for s in members.get(group) or () if first[s] != wave.wave_number)
        if shared:
            message = f"group {group} shares servers with wave {first[shared[0]]}: {few(shared)}; a run "
            message += "launches a server once, in the first of its waves; keep it in one group"
            found.append(WaveFinding("SERVER_CONFLICT", wave.wave_number, message))
    return found


def _dependencies(wave: WaveSpec, by_number: Mapping[int, WaveSpec]) -> list[WaveFinding]:
    found = []
    for number in wave.depends_on_waves:
        code, message = "CIRCULAR_DEPENDENCY", None
        if number not in by_number:
            code = "INVALID_WAVE_DATA"
            message = f"dependsOnWaves names wave {number}, which does not exist; correct the number or add the wave"
        elif number == wave.wave_number:
            message = "it depends on itself; take its own number out of dependsOnWaves"
        elif waves.order(by_number[number]) >= waves.order(wave):
            message = f"it depends on wave {number}, which is not launched earlier; give that a lower launchOrder"
        if message is not None:
            found.append(WaveFinding(code, wave.wave_number, message))
    return found
