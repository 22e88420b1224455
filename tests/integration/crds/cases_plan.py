"""RecoveryPlan: what is accepted and what is refused."""

from tests.integration.crds.objects import A, Creation, plan, wave

KIND = "RecoveryPlan"
DENSE = plan(*(wave(i, dependsOnWaves=list(range(1, i))) for i in range(1, 51)))
OPTIONAL = [f"s-{i:017}" for i in range(500)]

CREATIONS = [
    Creation(
        "display name",
        KIND,
        plan(displayName="Production DR Plan"),
        plan(displayName="Production\nDR Plan"),
        "INVALID_NAME: the name must not be blank, begin or end with a blank, or contain control characters",
    ),
    Creation(
        "priority",
        KIND,
        plan(priority=1000),
        plan(priority=1001),
        "spec.priority in body should be less than or equal to 1000",
    ),
    Creation(
        "waves are required",
        KIND,
        plan(),
        {"displayName": "Plan"},
        "spec.waves: Required value",
    ),
    Creation(
        "at least one wave",
        KIND,
        plan(),
        {"waves": []},
        "spec.waves: Invalid value: PLAN_HAS_NO_WAVES: a plan needs at least one wave; add one",
    ),
    Creation(
        "50 waves, each after all before it",
        KIND,
        DENSE,
        plan(*(wave(i) for i in range(1, 52))),
        "spec.waves: Too many: 51: must have at most 50 items",
    ),
    Creation(
        "wave number once",
        KIND,
        plan(wave(1), wave(2)),
        plan(wave(1), wave(1, "other")),
        'spec.waves[1]: Duplicate value: {"waveNumber":1}',
    ),
    Creation(
        "wave number",
        KIND,
        plan(wave(999)),
        plan(wave(0)),
        "spec.waves[0].waveNumber in body should be greater than or equal to 1",
    ),
    Creation(
        "wave name",
        KIND,
        plan(wave(1, name="Database Tier")),
        plan(wave(1, name="")),
        'spec.waves[0].name: Invalid value: "": INVALID_NAME: the name must not be blank',
    ),
    Creation(
        "group of a wave is required",
        KIND,
        plan(),
        plan(wave(1, protectionGroupRef=None)),
        "spec.waves[0].protectionGroupRef: Required value",
    ),
    Creation(
        "group in one wave",
        KIND,
        plan(wave(1, "db"), wave(2, "app")),
        plan(wave(1, "db"), wave(2, "db")),
        "spec.waves: Invalid value: INVALID_WAVE_DATA: a protection group is in two waves; keep it in one of them",
    ),
    Creation(
        "wave waits for another",
        KIND,
        plan(wave(1), wave(2, dependsOnWaves=[1])),
        plan(wave(1), wave(2, dependsOnWaves=[2])),
        "spec.waves[1].dependsOnWaves: Invalid value: CIRCULAR_DEPENDENCY: a wave cannot wait for itself",
    ),
    Creation(
        "dependency exists",
        KIND,
        plan(wave(1), wave(3, dependsOnWaves=[1])),
        plan(wave(1), wave(3, dependsOnWaves=[2])),
        "spec.waves: Invalid value: INVALID_WAVE_DATA: dependsOnWaves names a wave that the plan does not have",
    ),
    Creation(
        "dependency has a lower order",
        KIND,
        plan(wave(1, launchOrder=3, dependsOnWaves=[2]), wave(2)),
        plan(wave(1, dependsOnWaves=[2]), wave(2)),
        "spec.waves: Invalid value: CIRCULAR_DEPENDENCY: a wave may depend only on waves with a lower launchOrder "
        "(default: waveNumber); set launchOrder so that dependencies come first",
    ),
    Creation(
        "dependency has another order",
        KIND,
        plan(wave(1, launchOrder=0), wave(2, launchOrder=1, dependsOnWaves=[1])),
        plan(wave(1, launchOrder=1), wave(2, launchOrder=1, dependsOnWaves=[1])),
        "CIRCULAR_DEPENDENCY: a wave may depend only on waves with a lower launchOrder",
    ),
    Creation(
        "failure",
        KIND,
        plan(wave(1, onFailure="Continue")),
        plan(wave(1, onFailure="Ignore")),
        'Unsupported value: "Ignore": supported values: "Fail", "Pause", "Continue"',
    ),
    Creation(
        "readiness",
        KIND,
        plan(wave(1, readyWhen="InstanceStatusOk")),
        plan(wave(1, readyWhen="Ready")),
        'Unsupported value: "Ready": supported values: "Launched", "InstanceStatusOk"',
    ),
    Creation(
        "time limit",
        KIND,
        plan(wave(1, timeoutSeconds=60)),
        plan(wave(1, timeoutSeconds=30)),
        "spec.waves[0].timeoutSeconds in body should be greater than or equal to 60",
    ),
    Creation(
        "optional server",
        KIND,
        plan(wave(1, optionalServerIds=[A])),
        plan(wave(1, optionalServerIds=["web-01"])),
        "spec.waves[0].optionalServerIds[0] in body should match",
    ),
    Creation(
        "1000 optional servers",
        KIND,
        plan(wave(1, optionalServerIds=OPTIONAL), wave(2, optionalServerIds=OPTIONAL)),
        plan(wave(1, optionalServerIds=OPTIONAL), wave(2, optionalServerIds=OPTIONAL), wave(3, optionalServerIds=[A])),
        "spec.waves: Invalid value: PLAN_TOO_LARGE: a plan has at most 1000 servers, but optionalServerIds of all "
        "waves name more; shorten them",
    ),
    Creation(
        "objectives",
        KIND,
        plan(objectives={"rtoSeconds": 3600, "rpoSeconds": 900}),
        plan(objectives={"rtoSeconds": 0}),
        "spec.objectives.rtoSeconds in body should be greater than or equal to 1",
    ),
    Creation(
        "splitting",
        KIND,
        plan(splitOversizedWaves=True),
        plan(splitOversizedWaves="yes"),
        "spec.splitOversizedWaves in body must be of type boolean",
    ),
]
