"""A run whose object is gone: `drs-operator abandon-run` ends it, its own object takes it on again."""

from __future__ import annotations

import time

from drs_sandbox.up import Sandbox
from tests.e2e.crew import Crew, says
from tests.e2e.harness import Kubectl, Operator, eventually, execution
from tests.e2e.test_leaders import answer
from tests.e2e.test_quickstart import launches

GAP_SECONDS = 3.0
GAUGE = "drs_operator_orphaned_runs"


def lose(kubectl: Kubectl, namespace: str, name: str) -> None:
    """Somebody with the right to do so deletes the object and takes the finalizer off."""
    kubectl("annotate", "-n", namespace, f"drx/{name}", "drs-operator.io/force-delete=yes")
    kubectl("delete", "-n", namespace, f"drx/{name}", "--wait=false")
    gone = '{"metadata":{"finalizers":null}}'
    kubectl.run("patch", "-n", namespace, f"drx/{name}", "--type=merge", "-p", gone)
    eventually("it is gone", lambda: kubectl.run("get", "-n", namespace, f"drx/{name}").returncode != 0)


def orphans(operator: Operator) -> float:
    """The gauge."""
    _, text = answer(operator, "/metrics")
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{GAUGE} ")))


def test_a_run_without_an_object_is_abandoned_and_frees_plan_and_servers(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    here = crew.start()
    says(here, "leading")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "lost", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "lost", namespace).get("holds"))
    run_id = f"{namespace}/lost"

    refused = here.command("abandon-run", run_id, "--yes")
    assert refused.returncode == 1
    line = f"kubectl annotate -n {namespace} drx/lost drs-operator.io/cancel=now"
    assert f"cancel it instead: {line}" in refused.stderr
    unknown = here.command("abandon-run", f"{namespace}/never", "--yes")
    assert unknown.returncode == 1
    assert f"run id {namespace}/never was never used" in unknown.stderr

    lose(kubectl, namespace, "lost")
    kubectl.apply(execution(namespace, "next", "two", pausePolicy="Skip"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/next", "--timeout=60s")
    assert kubectl.status("drx", "next", namespace)["error"]["code"] == "PLAN_ALREADY_EXECUTING"

    declined = here.command("abandon-run", run_id, stdin="something else\n")
    assert declined.returncode == 1
    assert "not confirmed; nothing was changed" in declined.stderr
    done = here.command("abandon-run", run_id, "--by", "jane", stdin=f"{run_id}\n")
    assert done.returncode == 0, done.stderr
    assert f"recorded for jane: run {run_id}" in done.stdout
    says(here, "no orphan any more")
    again = here.command("abandon-run", run_id, "--yes")
    assert again.returncode == 0
    assert "has ended already (Cancelled)" in again.stdout
    assert answer(here, "/readyz") == (200, "ok")
    eventually("the gauge is down", lambda: orphans(here) == 0.0)
    assert len(launches(sandbox, namespace, "lost")) == 1
    told = kubectl("get", "events", "-n", namespace, "-o", "jsonpath={.items[*].reason}").split()
    assert "Cancelled" in told, "the end of a run is told, object or no object"
    timeline = here.command("ledger", "timeline", run_id).stdout
    assert "abandon-run by jane" in timeline

    kubectl.apply(execution(namespace, "after", "two", pausePolicy="Skip"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/after", "--timeout=90s")
    assert kubectl.status("drx", "after", namespace)["phase"] == "Completed"


def test_an_object_that_comes_back_takes_its_run_on(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    here = crew.start()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "back", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "back", namespace).get("holds"))
    lose(kubectl, namespace, "back")
    kubectl.apply(execution(namespace, "back", "two"))
    eventually("the hold of before", lambda: kubectl.status("drx", "back", namespace).get("holds"))
    kubectl("annotate", "-n", namespace, "drx/back", "drs-operator.io/resume=2.1")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/back", "--timeout=90s")
    assert kubectl.status("drx", "back", namespace)["phase"] == "Completed"
    assert len(launches(sandbox, namespace, "back")) == 2
    assert here.command("abandon-run", f"{namespace}/back", "--yes").returncode == 0


def test_a_run_that_is_deleted_while_no_operator_runs_is_held_to_its_end(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    here = crew.start()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "held", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "held", namespace).get("holds"))
    here.kill()
    refused = kubectl.run("delete", "-n", namespace, "drx/held", "--wait=false")
    assert refused.returncode == 1, "the guard holds while the operator is down"
    kubectl("annotate", "-n", namespace, "drx/held", "drs-operator.io/force-delete=yes")
    kubectl("delete", "-n", namespace, "drx/held", "--wait=false")
    here.start()
    eventually("it leads again", lambda: here.log.count("leading") == 2)
    assert kubectl.get("drx", "held", namespace)["metadata"]["deletionTimestamp"]
    kubectl("annotate", "-n", namespace, "drx/held", "drs-operator.io/resume=2.1")
    eventually("it is gone", lambda: kubectl.run("get", "-n", namespace, "drx/held").returncode != 0)
    assert len(launches(sandbox, namespace, "held")) == 2, "a deletion is no command: both waves were launched"
    ended = here.command("abandon-run", f"{namespace}/held", "--yes").stdout
    assert "has ended already (Completed)" in ended


def test_a_run_that_nobody_observed_for_long_holds_its_next_wave(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    first = crew.start()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "unseen", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "unseen", namespace).get("holds"))
    first.kill()
    kubectl("annotate", "-n", namespace, "drx/unseen", "drs-operator.io/resume=2.1")
    time.sleep(GAP_SECONDS + 1)  # time itself is what is tested

    crew.start(DRS_OPERATOR_OBSERVATION_GAP_SECONDS=str(GAP_SECONDS))

    def held() -> bool:
        holds = kubectl.status("drx", "unseen", namespace).get("holds", [])
        return [(hold["id"], hold["reason"]) for hold in holds] == [("2.2", "ObservationGap")]

    eventually("the next wave is held", held)
    (hold,) = kubectl.status("drx", "unseen", namespace)["holds"]
    assert "nobody observed the run since 20" in hold["message"]
    line = f"kubectl annotate -n {namespace} drx/unseen drs-operator.io/resume=2.2"
    assert hold["message"].endswith(line)
    assert len(launches(sandbox, namespace, "unseen")) == 1
    kubectl(*line.split()[1:])
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/unseen", "--timeout=90s")
    assert kubectl.status("drx", "unseen", namespace)["phase"] == "Completed"
    assert len(launches(sandbox, namespace, "unseen")) == 2
