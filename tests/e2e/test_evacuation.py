"""`examples/evacuation`: 600 servers in three accounts and two Regions, and the record that is left of the run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.harness import Kubectl, Operator, eventually
from tests.e2e.test_examples import applied, ready

NAMESPACE, RUN_ID = "dr-evacuation", "INC0042/everything"
JOBS = {1: [60], 2: [40], 3: [20, 100], 4: [60], 5: [100], 6: [40], 7: [30, 100], 8: [50]}


def test_an_evacuation(tmp_path: Path) -> None:
    with applied("evacuation", tmp_path) as (sandbox, kubectl):
        ready(kubectl, NAMESPACE, "drplan/everything")
        sandbox.control.change_clock(speed=20)  # slow enough for a person to see who waits
        kubectl("create", "-f", "examples/evacuation/recovery.yaml")
        waiting = eventually("a job waits for quota", lambda: _queued(kubectl))
        assert waiting["waveNumber"] == 3
        sandbox.control.change_clock(speed=200)
        kubectl("wait", "-n", NAMESPACE, "--for=condition=Finished", "drx/inc0042", "--timeout=180s")
        status = kubectl.status("drx", "inc0042", NAMESPACE)
        assert (status["phase"], status["serverProgress"], status["waveProgress"]) == ("Completed", "600/600", "8/8")
        made = [call for call in sandbox.control.calls("drs") if call["operation"] == "StartRecovery"]
        taken = [call for call in made if "code" not in call["outcome"]]
        waves: dict[int, list[int]] = {}
        for call in taken:
            wave = int(call["parameters"]["tags"]["drs-operator.io/wave"])
            waves.setdefault(wave, []).append(len(call["parameters"]["sourceServers"]))
        assert {wave: sorted(sizes) for wave, sizes in waves.items()} == JOBS, "one call for each job, none twice"
        launched = Counter(s["sourceServerID"] for call in taken for s in call["parameters"]["sourceServers"])
        assert set(launched.values()) == {1}
        assert len(launched) == 600
        _told(Operator(sandbox, tmp_path / "command.log"))


def _queued(kubectl: Kubectl) -> dict[str, Any]:
    status = kubectl.status("drx", "inc0042", NAMESPACE)
    waiting = [job for wave in status.get("waves", []) for job in wave.get("jobs", []) if job["state"] == "Planned"]
    started = [wave for wave in status.get("waves", []) if wave["waveNumber"] == 3 and wave["phase"] == "Launching"]
    return dict(started[0]) if waiting and started else {}


def _told(operator: Operator) -> None:
    done = operator.command("ledger", "timeline", RUN_ID, "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["verdict"], told["state"], told["name"]) == ("Completed", "Ended", "inc0042")
    calls = Counter(m["waveNumber"] for m in told["moments"] if m["message"].startswith("StartRecovery"))
    assert calls == {wave: len(sizes) for wave, sizes in JOBS.items()}
    assert told["moments"] == sorted(told["moments"], key=lambda m: str(m["time"]))
    for_people = operator.command("ledger", "timeline", RUN_ID).stdout.splitlines()
    assert len(for_people) == len(told["moments"]) + 2
    unknown = operator.command("ledger", "timeline", "never/used")
    assert (unknown.returncode, "was never used in this ledger" in unknown.stderr) == (1, True)
