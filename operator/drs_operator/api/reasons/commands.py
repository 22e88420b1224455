"""Answers to commands, which are annotations."""

from drs_operator.api.reasons.record import Area, Reason, answer, coded, condition, event, word
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.COMMANDS

COMMANDS: tuple[Reason, ...] = (
    coded(
        Code.EXECUTION_NOT_PAUSABLE,
        _AREA,
        answer(),
        "The run starts no wave any more, so there is nothing to pause.",
        "Watch it end.",
    ),
    coded(
        Code.SINGLE_WAVE_NOT_PAUSABLE,
        _AREA,
        answer(),
        "The only wave of the run has started, so there is nothing to pause.",
        "Watch it end, or cancel it.",
    ),
    coded(
        Code.NO_PENDING_WAVES,
        _AREA,
        answer(),
        "Every wave of the run has started, so there is nothing to pause.",
        "Watch it end, or cancel it.",
    ),
    coded(
        Code.EXECUTION_NOT_PAUSED,
        _AREA,
        answer(),
        "No open hold is meant by this resume, or the hold needs a decision and not a resume.",
        "List the holds and use the line in the message of the one that you mean.",
    ),
    coded(
        Code.EXECUTION_NOT_CANCELLABLE,
        _AREA,
        answer(),
        "The run has ended, has its verdict, or was cancelled already.",
        "Nothing: no further wave starts.",
    ),
    coded(
        Code.NOTHING_TO_SKIP,
        _AREA,
        answer(),
        "No held or failed wave is meant by this skip.",
        "List the holds and name the hold id or the wave's number.",
    ),
    coded(
        Code.SUPERSEDED,
        _AREA,
        answer(),
        "The command came together with a cancel, and the cancel wins.",
        "Nothing: the run is being cancelled.",
    ),
    coded(
        Code.NOTHING_TO_RELEASE,
        _AREA,
        (*answer("ProtectionGroup"), *condition("ProtectionGroup", "MembershipStable")),
        "None of the named servers is Leaving, so there is nothing to let go.",
        "List the Leaving servers of the group.",
    ),
    coded(
        Code.NOTHING_TO_RETRY,
        _AREA,
        answer(),
        "No failed server is meant by this retry.",
        "List the waves that failed.",
    ),
    coded(
        Code.JOB_DOES_NOT_MATCH,
        _AREA,
        answer(),
        "The DRS job is not the launch that is looked for.",
        "Compare its servers and its time with the hold.",
    ),
    coded(
        Code.INSTANCES_NOT_TERMINABLE,
        _AREA,
        answer(),
        "The instances may not be terminated: the run is no drill, or has not ended.",
        "Only drills that have ended are cleaned up.",
    ),
    word(
        "CommandRefused",
        _AREA,
        (*event("DRExecution"), *event("ProtectionGroup")),
        "A command could not be carried out, and is not remembered for later.",
        "Read the code in the Event or in status.requests.",
    ),
    word("CommandAccepted", _AREA, (*event("DRExecution"), *event("ProtectionGroup")), "A command was carried out."),
)
