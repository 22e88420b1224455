"""Commands that cannot apply, and how they are answered. None of them changes the run that it is given to."""

from tests.e2e.reasons import Answer

ANSWERS: tuple[Answer, ...] = (
    Answer("paused", "resume", "7.1", "EXECUTION_NOT_PAUSED", ("resume=7.1", "1.1"), "no hold has this id"),
    Answer("paused", "skip", "7", "NOTHING_TO_SKIP", ("skip=7", "hold id"), "no such wave is held"),
    Answer("paused", "retry", "1", "NOTHING_TO_RETRY", ("retry=1", "no wave has failed"), "nothing has failed"),
    Answer("paused", "adopt", "drsjob-1", "JOB_DOES_NOT_MATCH", ("nothing to adopt for",), "no launch is unknown"),
    Answer("paused", "terminate-instances", "now", "INSTANCES_NOT_TERMINABLE", ("has not ended",), "it has not ended"),
    Answer("wave-fails", "resume", "true", "EXECUTION_NOT_PAUSED", ("WaveFailed",), "it needs a decision, no resume"),
    Answer("launch-fails", "cancel", "now", "EXECUTION_NOT_CANCELLABLE", ("ended",), "it has ended"),
    Answer("one-runs", "pause", "now", "SINGLE_WAVE_NOT_PAUSABLE", ("cancel",), "its only wave has started"),
    Answer("two-run", "pause", "now", "NO_PENDING_WAVES", ("every wave has started",), "both waves have started"),
    Answer("drains", "pause", "now", "EXECUTION_NOT_PAUSABLE", ("watch it end",), "its verdict is known"),
)
