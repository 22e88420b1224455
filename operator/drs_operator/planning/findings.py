"""What the validation of a run finds: all of it at once. A DRILL is refused by more than a RECOVERY."""

from __future__ import annotations

from dataclasses import dataclass, field

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import ExecutionType, LiveRecoveryInstances, ManagementPolicy, Severity
from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan
from drs_operator.planning import account as accounts
from drs_operator.planning.facts import Place
from drs_operator.planning.flaws import wave_findings
from drs_operator.planning.ground import Candidate, Ground, Rival
from drs_operator.planning.naming import few
from drs_operator.planning.scope import Coverage, coverage

_FATAL = frozenset({"PROTECTION_GROUP_NOT_FOUND", "PLAN_HAS_NO_WAVES", "CIRCULAR_DEPENDENCY"})
_OF_SERVERS = frozenset({"WAVE_SIZE_EXCEEDED", "PLAN_TOO_LARGE", "SERVER_CONFLICT"})
"""Flaws that are due to the servers that a run launches."""


def findings(execution: DRExecution, ground: Ground) -> list[Finding]:
    """All findings at once. Refusals refuse; what a RECOVERY may not be refused for is a Warning there."""
    report = _Report(execution, ground)
    if ground.plan is None:
        name = execution.spec.recovery_plan_ref.name
        report.refuse("RECOVERY_PLAN_NOT_FOUND", f"RecoveryPlan {name} does not exist; correct the reference")
        return report.found
    covered = coverage(execution.spec.scope, ground.plan, ground)
    _lock(report, ground.plan)
    _scope(report, covered)
    _waves(report, ground.plan, covered)
    for wave in covered.waves:
        group = ground.groups.get(wave.protection_group_ref.name)
        if group is not None:
            _group(report, wave.wave_number, group, covered)
    if not report.able and not report.drill and not (covered.empty and execution.spec.scope):
        report.refuse("NO_RECOVERY_POINT", "no server of the plan is recoverable; see its groups' status")
    return report.found


@dataclass(slots=True)
class _Report:
    execution: DRExecution
    ground: Ground
    found: list[Finding] = field(default_factory=list)
    able: int = 0
    """Servers that can be recovered, or may be: nothing says that they cannot."""

    @property
    def drill(self) -> bool:
        return self.execution.spec.execution_type is ExecutionType.DRILL

    @property
    def live_policy(self) -> LiveRecoveryInstances:
        return LiveRecoveryInstances.REFUSE if self.drill else self.execution.spec.live_recovery_instances

    def refuse(self, code: str, message: str, wave: int | None = None, servers: list[str] | None = None) -> None:
        self._add(Severity.REFUSAL, code, message, wave, servers)

    def warn(self, code: str, message: str, wave: int | None = None, servers: list[str] | None = None) -> None:
        self._add(Severity.WARNING, code, message, wave, servers)

    def object(self, code: str, message: str, wave: int | None = None, servers: list[str] | None = None) -> None:
        """Refuses a DRILL; a RECOVERY goes on with a Warning."""
        self._add(Severity.REFUSAL if self.drill else Severity.WARNING, code, message, wave, servers)

    def _add(self, severity: Severity, code: str, message: str, wave: int | None, servers: list[str] | None) -> None:
        named = sorted(servers or [])
        self.found.append(
            Finding(
                severity=severity,
                code=code,
                wave_number=wave,
                server_ids=named[:LISTED_SERVERS_PER_FINDING],
                count=len(named) if servers is not None else None,
                message=message,
            )
        )


def _lock(report: _Report, plan: RecoveryPlan) -> None:
    """Another run has the plan."""
    rival = report.ground.plan_held_by
    if rival is None:
        return
    if report.drill or not rival.displaceable:
        text = f"RecoveryPlan {plan.metadata.name} is being run by {rival.execution}; wait for it or cancel it"
        report.refuse("PLAN_ALREADY_EXECUTING", text)
    else:
        report.warn("PLAN_ALREADY_EXECUTING", _displaced(f"RecoveryPlan {plan.metadata.name}", rival))


def _displaced(what: str, rival: Rival) -> str:
    return f"{what} is in use by drill {rival.execution}: a recovery cancels it, and waits for its jobs to end"


def _scope(report: _Report, covered: Coverage) -> None:
    if numbers := covered.unknown_waves:
        named = few([str(number) for number in numbers])
        text = f"spec.scope.waves names waves that the plan does not have: {named}; create a run with the right numbers"
        report.refuse("INVALID_PARAMETER", text)
    if strangers := list(covered.unknown_servers):
        text = f"spec.scope names servers that its waves do not have: {few(strangers)}; see the groups' status.servers"
        report.object("INVALID_PARAMETER", text, None, strangers)
    if report.execution.spec.scope is not None and covered.empty and any(covered.members.values()):
        text = "spec.scope leaves no server of the plan; name waves and servers that it has, or leave it out"
        report.refuse("INVALID_PARAMETER", text)
    elif report.execution.spec.scope is not None and not covered.waves and not covered.unknown_waves:
        report.refuse("INVALID_PARAMETER", "spec.scope leaves no wave of the plan; name waves that it has")


def _waves(report: _Report, plan: RecoveryPlan, covered: Coverage) -> None:
    """What is wrong with the waves that are run, with the servers that are in scope."""
    inside = {wave.wave_number for wave in covered.waves}
    members = {name: [c.server_id for c in found] for name, found in covered.members.items()}
    asked = {name: [c.server_id for c in found] for name, found in covered.servers.items()}
    flaws = [flaw for flaw in wave_findings(plan, members) if flaw.code not in _OF_SERVERS]
    flaws += [flaw for flaw in wave_findings(plan, asked) if flaw.code in _OF_SERVERS]
    for flaw in flaws:
        if flaw.wave_number is not None and flaw.wave_number not in inside:
            continue
        if flaw.code == "WAVE_SIZE_EXCEEDED" and not report.drill:  # recoveries always split
            continue
        add = report.refuse if flaw.code in _FATAL else report.object
        add(flaw.code, flaw.message, flaw.wave_number)


def _group(report: _Report, number: int, group: ProtectionGroup, covered: Coverage) -> None:
    ground, name = report.ground, group.metadata.name
    account_name = group.spec.target_account_ref.name
    account = ground.accounts.get(account_name)
    if account is None:
        text = f"TargetAccount {account_name} does not exist; create it or point the group elsewhere"
        report.refuse("TARGET_ACCOUNT_NOT_FOUND", text, number)
        return
    if not ground.allowed.get(account_name, False):
        text = f"TargetAccount {account_name} does not allow this namespace; see its spec.allowedNamespaces"
        report.refuse("NAMESPACE_NOT_ALLOWED", text, number)
    if account.spec.management_policy is ManagementPolicy.OBSERVE:
        report.refuse("ACCOUNT_OBSERVE_ONLY", accounts.observed_only(account), number)
    servers = covered.servers[name]
    place = Place(account.spec.account_id, group.spec.region)
    if place in ground.failures:
        text = f"{ground.failures[place]}; what is known of its servers is from before"
        report.object("ACCOUNT_UNAVAILABLE", text, number)
        report.able += len(servers)  # what is not known refuses nobody
    if not servers:
        report.object("TOO_FEW_SERVERS", f"group {name} has no servers", number, [])
    live = ground.real_recoveries
    alive = [server.server_id for server in servers if server.server_id in live]
    keep = set(alive) if report.live_policy is LiveRecoveryInstances.KEEP else set()
    _health(report, number, [server for server in servers if server.server_id not in keep])
    report.able += len(keep)
    if others := sorted(ground.taken.get(name, ())):
        text = f"{len(others)} servers that group {name} selects are in another group, and are "
        report.object("SERVER_CONFLICT", f"{text}not launched here; see the group's status.conflicts", number, others)
    _held(report, number, [server.server_id for server in servers])
    if alive:
        _alive(report, number, alive)


def _health(report: _Report, number: int, servers: list[Candidate]) -> None:
    report.able += sum(1 for server in servers if server.recoverable)
    if lost := [s.server_id for s in servers if not s.recoverable]:
        text = f"{len(lost)} of {len(servers)} servers have no usable recovery point or are not replicating"
        report.object("UNHEALTHY_SERVER_REPLICATION", text, number, lost)
    if old := [s.server_id for s in servers if s.recoverable and s.stalled]:
        text = f"{len(old)} of {len(servers)} servers are stalled: they launch from their newest recovery point"
        report.warn("UNHEALTHY_SERVER_REPLICATION", text, number, old)


def _held(report: _Report, number: int, server_ids: list[str]) -> None:
    """Servers that other runs hold."""
    rivals: dict[Rival, list[str]] = {}
    for server_id in server_ids:
        if (rival := report.ground.servers_held_by.get(server_id)) is not None:
            rivals.setdefault(rival, []).append(server_id)
    for rival, held in rivals.items():
        if rival.displaceable and not report.drill:
            report.warn("SERVER_CONFLICT", _displaced(f"{len(held)} servers", rival), number, held)
        else:
            text = f"{len(held)} servers are held by {rival.execution} until it ends; wait for it or cancel it"
            report.object("SERVER_CONFLICT", text, number, held)


def _alive(report: _Report, number: int, alive: list[str]) -> None:
    """Servers that run as a real recovery."""
    code, text = "LIVE_RECOVERY_INSTANCE", f"{len(alive)} servers run as a real recovery already"
    match report.live_policy:
        case LiveRecoveryInstances.KEEP:
            report.warn(code, f"{text}; they are kept as they are and not launched", number, alive)
        case LiveRecoveryInstances.REPLACE:
            report.warn(code, f"{text}; they are launched anew, which destroys those instances", number, alive)
        case LiveRecoveryInstances.REFUSE:
            text += "; a launch would destroy those instances. "
            report.refuse(
                code, f"{text}Terminate or disconnect them first if they are not needed any more", number, alive
            )
