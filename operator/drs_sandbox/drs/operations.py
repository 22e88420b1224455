"""Which function does which operation."""

from __future__ import annotations

from drs_sandbox.drs.account import initialize_service
from drs_sandbox.drs.failback import (
    get_failback_replication_configuration,
    reverse_replication,
    start_failback_launch,
    stop_failback,
    update_failback_replication_configuration,
)
from drs_sandbox.drs.jobs import delete_job, describe_job_log_items, describe_jobs
from drs_sandbox.drs.launch_configuration import get_launch_configuration, update_launch_configuration
from drs_sandbox.drs.recovery import start_recovery
from drs_sandbox.drs.recovery_instances import (
    delete_recovery_instance,
    describe_recovery_instances,
    disconnect_recovery_instance,
)
from drs_sandbox.drs.replication_calls import (
    get_replication_configuration,
    start_replication,
    stop_replication,
    update_replication_configuration,
)
from drs_sandbox.drs.simulation import Operation
from drs_sandbox.drs.source_servers import (
    delete_source_server,
    describe_recovery_snapshots,
    describe_source_servers,
    disconnect_source_server,
)
from drs_sandbox.drs.staging import create_extended_source_server, list_extensible_source_servers, list_staging_accounts
from drs_sandbox.drs.tags import list_tags_for_resource, tag_resource, untag_resource
from drs_sandbox.drs.terminating import terminate_recovery_instances

OPERATIONS: dict[str, Operation] = {
    "CreateExtendedSourceServer": create_extended_source_server,
    "DeleteJob": delete_job,
    "DeleteRecoveryInstance": delete_recovery_instance,
    "DeleteSourceServer": delete_source_server,
    "DescribeJobLogItems": describe_job_log_items,
    "DescribeJobs": describe_jobs,
    "DescribeRecoveryInstances": describe_recovery_instances,
    "DescribeRecoverySnapshots": describe_recovery_snapshots,
    "DescribeSourceServers": describe_source_servers,
    "DisconnectRecoveryInstance": disconnect_recovery_instance,
    "DisconnectSourceServer": disconnect_source_server,
    "GetFailbackReplicationConfiguration": get_failback_replication_configuration,
    "GetLaunchConfiguration": get_launch_configuration,
    "GetReplicationConfiguration": get_replication_configuration,
    "InitializeService": initialize_service,
    "ListExtensibleSourceServers": list_extensible_source_servers,
    "ListStagingAccounts": list_staging_accounts,
    "ListTagsForResource": list_tags_for_resource,
    "ReverseReplication": reverse_replication,
    "StartFailbackLaunch": start_failback_launch,
    "StartRecovery": start_recovery,
    "StartReplication": start_replication,
    "StopFailback": stop_failback,
    "StopReplication": stop_replication,
    "TagResource": tag_resource,
    "TerminateRecoveryInstances": terminate_recovery_instances,
    "UntagResource": untag_resource,
    "UpdateFailbackReplicationConfiguration": update_failback_replication_configuration,
    "UpdateLaunchConfiguration": update_launch_configuration,
    "UpdateReplicationConfiguration": update_replication_configuration,
}
# Those that answer before InitializeService has been called; tags belong to resources, which are not there then.
WITHOUT_INITIALIZATION = frozenset({"InitializeService", "ListTagsForResource", "TagResource", "UntagResource"})
