"""What must be true after a run, whatever happened on its way; each finding is a sentence."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3

from drs_operator.ledger.store import from_item
from drs_sandbox.aws.credentials import HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY
from tests.crash_matrix.stage import Actor
from tests.crash_matrix.world import EXTERNAL_ID, REGIONS, ROLE, TIERS

TOKEN_TAG = "drs-operator.io/token"
EXECUTION_TAG = "drs-operator.io/execution-id"
UNWANTED = ("a defect in a reconciler", "Traceback (most recent call last)")
ENDED_AS_TOLD = (-signal.SIGKILL, -signal.SIGTERM)


def expected() -> dict[str, Any]:
    """How the drill ends without a fault, apart from its servers' ids."""
    waves = list(range(1, len(TIERS) + 1))
    return {"phase": "Completed", "waves": [(number, "Completed") for number in waves], "holds": []}


def violations(actor: Actor, status: Mapping[str, Any]) -> list[str]:
    """Everything that is not as it must be."""
    found = [*_of_the_end(actor, status), *_of_launches(actor), *_of_logs(actor)]
    try:
        found += [*_of_aws(actor, status), *_of_the_ledger(actor, status)]
    except Exception as error:  # noqa: BLE001 - a look that fails must not pass for a good one
        found.append(f"the look at AWS and the ledger failed: {error!r}")
    return found


def irreparable(found: Iterable[str]) -> bool:
    """Whether waiting is of no use: a second launch is never undone."""
    return any(" was launched " in violation for violation in found)


def launches(actor: Actor) -> list[dict[str, Any]]:
    """The StartRecovery calls of this world that AWS has carried out, answered or not."""
    return [
        call
        for call in actor.stage.sandbox.control.calls("drs")
        if call["operation"] == "StartRecovery"
        and call["account"] == actor.world.account_id
        and 200 <= call["outcome"]["status"] < 300
    ]


def _of_the_end(actor: Actor, status: Mapping[str, Any]) -> Iterator[str]:
    waves = status.get("waves", [])
    ended = {
        "phase": status.get("phase"),
        "waves": [(wave["waveNumber"], wave["phase"]) for wave in waves],
        "holds": [hold["id"] for hold in status.get("holds", [])],
    }
    if ended != expected():
        yield f"the run ended otherwise than without the fault: {ended}, error {status.get('error')}"
    ready = {server["serverId"] for wave in waves for server in wave.get("servers", []) if server["phase"] == "Ready"}
    if ready != set(actor.world.server_ids):
        yield f"servers that are not Ready: {sorted(set(actor.world.server_ids) - ready)}"
    answers = [(r["type"], r["value"], r["outcome"]) for r in status.get("requests", [])]
    if answers != [("resume", "2.1", "Accepted")]:
        yield f"the command was not answered once and as it should be: {answers}"


def _of_launches(actor: Actor) -> Iterator[str]:
    count: Counter[str] = Counter(
        server["sourceServerID"] for call in launches(actor) for server in call["parameters"]["sourceServers"]
    )
    for server_id in actor.world.server_ids:
        if count[server_id] > 1:
            yield f"{server_id} was launched {count[server_id]} times"
        elif not count[server_id]:
            yield f"{server_id} was never launched"


def _of_logs(actor: Actor) -> Iterator[str]:
    log = actor.log
    for text in UNWANTED:
        if text in log:
            yield f"the log says {text!r}"
    secrets = {"the access key's secret": HUB_SECRET_ACCESS_KEY, "the external id": EXTERNAL_ID}
    for what, secret in secrets.items():
        if secret in log:
            yield f"the log shows {what}"
    for code in actor.exits:
        if code not in ENDED_AS_TOLD:
            yield f"the operator ended by itself with exit code {code}"


def _of_aws(actor: Actor, status: Mapping[str, Any]) -> Iterator[str]:
    execution_id = status.get("executionId")
    shown = {job.get("jobId") for wave in status.get("waves", []) for job in wave.get("jobs", [])} - {None}
    ours: set[str] = set()
    for region in REGIONS:
        drs = _in_account(actor, "drs", region)
        jobs = [job for page in drs.get_paginator("describe_jobs").paginate() for job in page["items"]]
        for job in jobs:
            ours.add(job["jobID"])
            if job["status"] != "COMPLETED":
                yield f"job {job['jobID']} is left {job['status']}"
            tags = job.get("tags", {})
            if tags.get(EXECUTION_TAG) != execution_id or not tags.get(TOKEN_TAG):
                yield f"job {job['jobID']} has not the tags of its run: {tags}"
        instances = [
            instance
            for page in drs.get_paginator("describe_recovery_instances").paginate()
            for instance in page["items"]
            if instance["ec2InstanceState"] not in ("TERMINATED", "SHUTTING-DOWN")
        ]
        live = Counter(instance["sourceServerID"] for instance in instances)
        wanted = {
            actor.world.server_id(tier, number) for tier, where in TIERS.items() if where == region for number in (1, 2)
        }
        for server_id in wanted:
            if live[server_id] != 1:
                yield f"{server_id} has {live[server_id]} live recovery instances"
        told = {
            server.get("recoveryInstanceId") for wave in status.get("waves", []) for server in wave.get("servers", [])
        }
        if lost := {instance["recoveryInstanceID"] for instance in instances} - told:
            yield f"instances of which the status does not know: {sorted(lost)}"
    if shown != ours:
        yield f"jobs in the status {sorted(shown)}, in AWS {sorted(ours)}"


def _of_the_ledger(actor: Actor, status: Mapping[str, Any]) -> Iterator[str]:
    execution_id = status.get("executionId")
    dynamodb = _hub(actor).client("dynamodb", endpoint_url=actor.stage.sandbox.aws_endpoint)

    def rows(table: str) -> list[dict[str, Any]]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=f"drs-{table}", ConsistentRead=True)
        return [from_item(item) for page in pages for item in page["Items"]]

    history = {row["item"]: row for row in rows("execution-history") if row["executionId"] == execution_id}
    run = history.get("RUN")
    if run is None:
        yield f"the ledger has no run {execution_id}"
        return
    if (run["state"], run.get("verdict")) != ("Ended", status.get("phase")):
        yield f"the ledger says {run['state']}, {run.get('verdict')}; the status says {status.get('phase')}"
    recorded = {intent.get("jobId") for intent in run.get("intents", [])} - {None}
    shown = {job.get("jobId") for wave in status.get("waves", []) for job in wave.get("jobs", [])} - {None}
    if recorded != shown:
        yield f"jobs in the ledger {sorted(recorded)}, in the status {sorted(shown)}"
    if active := [i["token"] for i in run.get("intents", []) if i["state"] != "Ended"]:
        yield f"launch intents that have not ended: {active}"
    for row in rows("ledger"):
        key = str(row["pk"])
        if key.startswith("PLAN#") and row.get("executionId") == execution_id:
            yield f"the plan is still locked: {key}"
        if row.get("heldBy") == execution_id:
            yield f"a server is still held: {key}"


def _hub(actor: Actor) -> Any:
    return boto3.Session(HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY, region_name=REGIONS[0])


def _in_account(actor: Actor, service: str, region: str) -> Any:
    endpoint = actor.stage.sandbox.aws_endpoint
    entered = (
        _hub(actor)
        .client("sts", endpoint_url=endpoint)
        .assume_role(
            RoleArn=f"arn:aws:iam::{actor.world.account_id}:role/{ROLE}",
            RoleSessionName="crash-matrix",
            ExternalId=EXTERNAL_ID,
        )["Credentials"]
    )
    session: Any = boto3.Session(
        entered["AccessKeyId"], entered["SecretAccessKey"], entered["SessionToken"], region_name=region
    )
    return session.client(service, endpoint_url=endpoint)
