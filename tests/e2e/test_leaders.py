"""Who leads: two processes in a cluster, and two clusters on one ledger, with processes that die, sleep and wake up."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from drs_operator.ledger.store import Store, from_item, to_item
from drs_operator.ledger.tables import LEDGER
from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.up import Sandbox
from tests.e2e.crew import Crew, says
from tests.e2e.harness import COMMAND, Kubectl, Operator, account, eventually, execution, group, plan
from tests.e2e.second_cluster import Cluster
from tests.e2e.test_quickstart import launches

OPERATOR = "system:serviceaccount:drs-system:drs-operator"


def identity(operator: Operator) -> str:
    """The name under which a process was elected."""
    found = re.findall(r"elected.*identity=(\S+)", operator.log)
    return str(found[-1])


def answer(operator: Operator, path: str) -> tuple[int, str]:
    """What an operator serves to probes and to Prometheus."""
    port = int(re.findall(r"serving metrics and health.*port=(\d+)", operator.log)[-1])
    got = urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False, timeout=5.0)
    return got.status, got.data.decode()


def roles(operator: Operator) -> dict[str, float]:
    """The gauge of roles."""
    _, text = answer(operator, "/metrics")
    return {name: float(value) for name, value in re.findall(r'drs_operator_role\{role="(\w+)"\} (\S+)', text)}


def test_when_the_leader_is_killed_the_other_process_goes_on_with_its_run(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    first = crew.start()
    says(first, "leading")
    second = crew.start()
    says(second, "standing by in this cluster")
    assert answer(second, "/readyz") == (200, "ok"), "waiting is as ready as it can be"
    assert roles(second) == {"candidate": 1.0, "standby": 0.0, "leader": 0.0}
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "inherited", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "inherited", namespace).get("holds"))
    before = crew.lease(kubectl)["spec"]
    assert before["holderIdentity"] == identity(first)

    first.kill()
    says(second, "leading")

    after = crew.lease(kubectl)["spec"]
    assert (after["holderIdentity"], after["leaseTransitions"]) == (identity(second), before["leaseTransitions"] + 1)
    kubectl("annotate", "-n", namespace, "drx/inherited", "drs-operator.io/resume=2.1")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/inherited", "--timeout=90s")
    assert kubectl.status("drx", "inherited", namespace)["phase"] == "Completed"
    assert len(launches(sandbox, namespace, "inherited")) == 2, "one launch for each wave, whoever leads"


def test_a_leader_that_ends_in_order_hands_over_at_once(kubectl: Kubectl, crew: Crew) -> None:
    first = crew.start(DRS_OPERATOR_LEASE_SECONDS="3600", DRS_OPERATOR_LEASE_RENEW_SECONDS="3000")
    says(first, "ready")
    second = crew.start()
    says(second, "standing by in this cluster")
    assert first.stop() == 0
    says(second, "leading")


def test_a_leader_that_wakes_up_late_writes_nothing_and_ends(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str
) -> None:
    first = crew.start()
    says(first, "ready")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    second = crew.start()
    says(second, "standing by in this cluster")
    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)
    says(second, "leading")
    kubectl.apply(execution(namespace, "meanwhile", "two", pausePolicy="Skip"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/meanwhile", "--timeout=90s")
    sleeper = identity(first)
    written = len(writes(sandbox.control_plane, sleeper))
    assert written > 0

    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(timeout=60) == 1

    late = [resource(entry) for entry in writes(sandbox.control_plane, sleeper)[written:]]
    assert [name for name in late if name != "leases"] == [], "an attempt on the Lease is all that it makes"
    assert crew.lease(kubectl)["spec"]["holderIdentity"] == identity(second)
    assert "drs-operator: " in first.log.splitlines()[-1], "it says why it ends"
    assert len(launches(sandbox, namespace, "meanwhile")) == 2


def writes(control_plane: ControlPlane, process: str = "") -> list[dict[str, Any]]:
    """What operators, or one of them, have written to an API server, in order; Leases included."""
    audit = control_plane.audit_log
    assert audit is not None
    entries = [json.loads(line) for line in audit.read_text().splitlines() if OPERATOR in line]
    return [
        entry
        for entry in entries
        if entry["user"]["username"] == OPERATOR
        and entry["userAgent"] == f"drs-operator {process or entry['userAgent'].split()[-1]}"
        and entry["stage"] == "ResponseComplete"
        and entry["verb"] not in ("get", "list", "watch")
    ]


def resource(entry: dict[str, Any]) -> str:
    """What an entry of the audit log is about: `drexecutions/status`."""
    found = entry["objectRef"]
    return "/".join(filter(None, (found["resource"], found.get("subresource"))))


@pytest.fixture
def second_cluster(tmp_path: Path, namespace: str) -> Iterator[Cluster]:
    """The second cluster, with the objects that GitOps would bring there."""
    cluster = Cluster(tmp_path)
    try:
        cluster.kubectl("create", "namespace", namespace)
        cluster.apply(
            account("production", "123456789012", "unique-external-id-123", ["us-east-1"]),
            group(namespace, "db", "database"),
            group(namespace, "app", "application"),
            plan(namespace, "two", "db", "app"),
        )
        yield cluster
    finally:
        cluster.control_plane.stop()


def _standby(cluster: Cluster, kind: str, name: str, namespace: str | None) -> bool:
    return cluster.ready(kind, name, namespace) == ("Unknown", "StandbyInstallation")


def test_a_second_cluster_stands_by_until_a_person_lets_it_lead(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str, second_cluster: Cluster
) -> None:
    here = crew.start()
    says(here, "leading")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "moving", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "moving", namespace).get("holds"))
    second_cluster.apply(execution(namespace, "stray", "two"))
    there = crew.start(second_cluster.kubeconfig)
    says(there, "standing by")
    objects = [("drta", "production", None), ("drpg", "db", namespace), ("drpg", "app", namespace)]
    objects += [("drplan", "two", namespace), ("drx", "stray", namespace)]
    for kind, name, where in objects:
        eventually(f"{kind}/{name} stands by", lambda: _standby(second_cluster, kind, name, where))  # noqa: B023
    assert answer(there, "/readyz") == (200, "ok")
    assert roles(there)["standby"] == 1.0

    here.kill()  # silent: nobody knows whether it is dead
    looks = len(sandbox.control.calls("dynamodb"))
    eventually("ten more looks at the ledger", lambda: len(sandbox.control.calls("dynamodb")) > looks + 60)
    assert "leading" not in there.log, "it never takes over by itself"
    written = [
        entry
        for entry in writes(second_cluster.control_plane)
        # An attempt on an older version than the one that it has just written itself changes nothing.
        if resource(entry) != "leases" and entry["responseStatus"]["code"] != 409
    ]
    assert Counter(resource(entry) for entry in written) == {
        "targetaccounts/status": 1,
        "protectiongroups/status": 2,
        "recoveryplans/status": 1,
        "drexecutions/status": 1,
    }, "Ready is Unknown, written once, and nothing else"
    assert launches(sandbox, namespace, "stray") == []

    declined = there.command("take-over", stdin="something else\n")
    assert declined.returncode == 1
    assert "not confirmed; nothing was changed" in declined.stderr
    done = there.command("take-over", "--by", "jane", stdin=f"{crew.installation}\n")
    assert done.returncode == 0, done.stderr
    assert identity(here) in done.stdout, "it says who has led"
    says(there, "leading")
    second_cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")

    here.start()  # what the kubelet does
    says(here, "standing by")
    for kind, name in (("drpg", "db"), ("drplan", "two"), ("drx", "moving")):
        eventually(
            f"{kind}/{name} stands by",
            lambda: kubectl.condition(kind, name, namespace, "Ready").get("reason") == "StandbyInstallation",  # noqa: B023
        )


def test_the_cluster_that_led_ends_when_another_takes_over_and_comes_back_as_standby(
    kubectl: Kubectl, crew: Crew, namespace: str, second_cluster: Cluster
) -> None:
    here = crew.start()
    says(here, "ready")
    there = crew.start(second_cluster.kubeconfig)
    says(there, "standing by")
    assert there.command("take-over", "--yes").returncode == 0
    says(there, "leading")
    assert here.process is not None
    assert here.process.wait(timeout=60) == 1
    assert f"leads installation {crew.installation} now, with epoch 2" in here.log
    here.start()
    says(here, "standing by")
    again = there.command("take-over", "--yes")
    assert again.returncode == 0
    assert "leads installation" in again.stdout, "it is so already"
    there.kill()
    there.start()
    eventually("it leads again at once", lambda: there.log.count("leading") == 2)


@pytest.fixture
def ledger(sandbox: Sandbox, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Tables of the crew's own, which the test may break."""
    prefix = crew.own_tables()
    subprocess.run([COMMAND, "init-ledger", "--prefix", prefix], env=sandbox.environment, check=True)
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, sandbox.environment[name])
    return Store(prefix, None)


def put(ledger: Store, item: dict[str, Any]) -> None:
    """Writes an item of table `ledger`, whatever stands there."""
    ledger.client.put_item(TableName=LEDGER.name(ledger.prefix), Item=to_item(item))


def get(ledger: Store, key: str) -> dict[str, Any]:
    """An item of table `ledger`."""
    answer = ledger.client.get_item(TableName=LEDGER.name(ledger.prefix), Key=to_item({"pk": key}))
    return from_item(answer["Item"])


@pytest.mark.parametrize("harm", ["LedgerReplaced", "LedgerRolledBack"])
def test_a_ledger_that_is_not_the_known_one_launches_nothing_until_it_is_adopted(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str, ledger: Store, harm: str
) -> None:
    operator = crew.start()
    says(operator, "ready")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "before", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "before", namespace).get("holds"))
    if harm == "LedgerReplaced":
        put(ledger, {**get(ledger, "META"), "ledgerId": "ledger-of-somebody-else"})
    else:
        put(ledger, {**get(ledger, f"INSTALLATION#{crew.installation}"), "epoch": 0})
    says(operator, "the ledger is not the one that is known")
    kubectl("annotate", "-n", namespace, "drx/before", "drs-operator.io/resume=2.1")
    kubectl.apply(execution(namespace, "after", "three"))
    for name in ("before", "after"):
        ready = eventually(f"{name} says so", lambda: _ready(kubectl, name, namespace, harm))  # noqa: B023
        assert "drs-operator adopt-ledger" in ready["message"]
    assert answer(operator, "/readyz") == (200, "ok")
    operator.kill()
    operator.start()
    eventually("it knows it still", lambda: operator.log.count("the ledger is not the one that is known") == 2)
    assert len(launches(sandbox, namespace, "before")) == 1
    assert launches(sandbox, namespace, "after") == []

    done = operator.command("adopt-ledger", stdin=f"{crew.installation}\n")
    assert done.returncode == 0, done.stderr
    says(operator, "the ledger is right again")
    kubectl("annotate", "-n", namespace, "drx/before", "drs-operator.io/cancel=now", "--overwrite")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/before", "--timeout=90s")
    nothing = operator.command("adopt-ledger")
    assert (nothing.returncode, "nothing to adopt" in nothing.stdout) == (0, True)


def _ready(kubectl: Kubectl, name: str, namespace: str, reason: str) -> dict[str, Any] | None:
    condition = kubectl.condition("drx", name, namespace, "Ready")
    return condition if condition.get("reason") == reason else None


def test_an_outage_of_dynamodb_is_waited_out(sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str) -> None:
    operator = crew.start()
    says(operator, "ready")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "held-up", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "held-up", namespace).get("holds"))
    operations = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "DescribeTable")
    broken = [
        {"service": "dynamodb", "operation": name, "effect": "error", "code": "InternalServerError"}
        for name in operations
    ]
    sandbox.control.add_faults(json.dumps({"faults": broken}), "test")
    try:
        kubectl("annotate", "-n", namespace, "drx/held-up", "drs-operator.io/resume=2.1")
        eventually("it says so", lambda: _ready(kubectl, "held-up", namespace, "LedgerUnreachable"))
        says(operator, "leadership not renewed in the ledger")
        assert answer(operator, "/readyz") == (200, "ok")
        assert len(launches(sandbox, namespace, "held-up")) == 1
    finally:
        sandbox.control.clear_faults()
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/held-up", "--timeout=120s")
    assert kubectl.status("drx", "held-up", namespace)["phase"] == "Completed"
    assert operator.log.count("leading") == 1, "it has stayed up"
