"""Plans and their waves."""

from drs_operator.api.reasons.record import (
    RUN_FINDING,
    RUN_REFUSED,
    Area,
    Reason,
    coded,
    condition,
    event,
    policy,
    schema,
    word,
)
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.PLANS
_PLAN = "RecoveryPlan"
_WAVES = (*condition(_PLAN, "WavesValid"), *RUN_FINDING, *RUN_REFUSED)

PLANS: tuple[Reason, ...] = (
    coded(
        Code.PLAN_HAS_NO_WAVES,
        _AREA,
        (*schema(_PLAN), *_WAVES),
        "The plan has no waves.",
        "Add at least one wave to spec.waves.",
    ),
    coded(
        Code.INVALID_WAVE_DATA,
        _AREA,
        (*schema(_PLAN), *_WAVES),
        "A group is in two waves, a dependency names no wave, or optionalServerIds names a server of another group.",
        "Correct the wave that the message names.",
    ),
    coded(
        Code.CIRCULAR_DEPENDENCY,
        _AREA,
        (*schema(_PLAN), *_WAVES),
        "A wave depends on itself, or on a wave that is not launched earlier.",
        "Give the waves that others depend on a lower launchOrder.",
    ),
    coded(
        Code.WAVE_SIZE_EXCEEDED,
        _AREA,
        _WAVES,
        "A wave has more than 100 servers, the most that one DRS job takes; recoveries are split, drills are not.",
        "Set spec.splitOversizedWaves, or split the group.",
    ),
    coded(
        Code.PLAN_TOO_LARGE,
        _AREA,
        (*schema(_PLAN), *_WAVES),
        "The plan has more than 1000 servers.",
        "Make two plans of it.",
    ),
    coded(
        Code.RP_NAME_EXISTS,
        _AREA,
        condition(_PLAN, "WavesValid", "LedgerSynced"),
        "Another plan of the namespace has this display name, whatever the case.",
        "Choose another spec.displayName.",
    ),
    coded(
        Code.PLAN_HAS_ACTIVE_EXECUTION,
        _AREA,
        (*policy(_PLAN), *event(_PLAN)),
        "A plan was to be deleted that an execution is running.",
        "Wait for the execution to end, or cancel it.",
    ),
    coded(
        Code.PLAN_ALREADY_EXECUTING,
        _AREA,
        (*RUN_FINDING, *RUN_REFUSED),
        "Another run holds the plan.",
        "Watch that run, or cancel it; then create a new execution.",
    ),
    coded(
        Code.ACTIVE_EXECUTION,
        _AREA,
        policy("DRExecution"),
        "An execution was to be deleted while it runs.",
        "Cancel it first; running DRS jobs are followed to their end.",
    ),
    word("GroupsReady", _AREA, condition(_PLAN, "GroupsReady"), "Every group of the plan is Ready."),
    word("WavesValid", _AREA, condition(_PLAN, "WavesValid"), "The waves can be launched in their order."),
    word("Recoverable", _AREA, condition(_PLAN, "Recoverable"), "Every server of the plan is recoverable."),
)
