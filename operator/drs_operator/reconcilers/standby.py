"""A cluster that does not lead: its objects say so, and nothing else is done for them."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, Resource
from drs_operator.planning.leadership import standing_by
from drs_operator.ports import Clock, Cluster
from drs_operator.reconcilers.context import Outcome


async def reconcile(cluster: Cluster, clock: Clock, message: str, resource: Resource) -> Outcome:
    """Sets Ready to Unknown; finished executions are history and stay as they are."""
    if isinstance(resource, DRExecution) and resource.status.finish_time is not None:
        return Outcome()
    wanted = standing_by(resource, message, clock.now()).to_json()
    if wanted != resource.status.to_json():
        await cluster.write_status(resource, wanted)
    return Outcome()
