"""The largest TargetAccount and ProtectionGroup."""

from drs_operator.api.v1alpha1 import limits
from tests.unit.api.filling import TIME, Object, conditions, human, machine, server

SUBNET = "subnet-0123456789abcdef0"


def target_account() -> Object:
    regions = [f"ap-southeast-{i}" for i in range(limits.REGIONS)]
    staging = [f"{i:012}" for i in range(limits.STAGING_ACCOUNTS)]
    tags = {human(128, f"{i:02}"): human(256) for i in range(limits.TAGS)}
    keys = [human(128, f"{i:02}") for i in range(limits.TAGS)]
    quotas = ("jobsInProgress", "serversPerJob", "serversInAllJobs", "replicatingServers", "sourceServers")
    return {
        "metadata": {"name": machine(63)},
        "spec": {
            "accountId": "999999999999",
            "accountName": human(256),
            "assumeRoleName": machine(64),
            "externalId": machine(1224),
            "managementPolicy": "Observe",
            "regions": regions,
            "allowedNamespaces": {
                "from": "Selector",
                "selector": {
                    "matchLabels": {machine(63, f"{i:02}"): machine(63) for i in range(16)},
                    "matchExpressions": [
                        {"key": machine(63), "operator": "NotIn", "values": [machine(63, f"{i:02}") for i in range(32)]}
                        for _ in range(16)
                    ],
                },
            },
            "stagingAccounts": [
                {
                    "accountId": id,
                    "accountName": human(256),
                    "assumeRoleName": machine(64),
                    "externalId": machine(1224),
                }
                for id in staging
            ],
            "extendSourceServers": {"enabled": True, "intervalSeconds": 86400, "serverSelectionTags": tags},
            "tagSync": {
                "enabled": True,
                "intervalSeconds": 86400,
                "syncTags": True,
                "syncInstanceType": False,
                "tagFilters": {"include": keys, "exclude": keys},
            },
        },
        "status": {
            "observedGeneration": 1000,
            "lastHandledReconcile": machine(256),
            "conditions": conditions(
                "Ready", "Reachable", "DRSInitialized", "CapacityOK", "StagingAccountsReady", "TagsSynced"
            ),
            "roleArn": machine(2048),
            "regions": [
                {
                    "name": region,
                    "state": "NOT_INITIALIZED",
                    "message": machine(1024),
                    "sourceServers": 4000,
                    "replicatingServers": 4000,
                    "extendedServers": 4000,
                    "unprotectedServers": 4000,
                    "quotas": dict.fromkeys(quotas, 4000),
                }
                for region in regions
            ],
            "regionSummary": machine(1024),
            "sourceServers": 160000,
            "unprotectedServers": 160000,
            "stagingAccounts": [
                {
                    "accountId": id,
                    "reachable": False,
                    "serversFound": 4000,
                    "extended": 4000,
                    "failed": 4000,
                    "lastSyncTime": TIME,
                }
                for id in staging
            ],
            "tagSync": {
                "lastSyncTime": TIME,
                "serversProcessed": 160000,
                "tagsSynchronized": 1000000,
                "errors": [machine(384)] * limits.LISTED_SYNC_ERRORS,
            },
            "usedByCount": 1000,
        },
    }


def _override(number: int) -> Object:
    return {
        "serverId": server(number),
        "useGroupDefaults": False,
        "launchConfiguration": {
            "targetInstanceTypeRightSizingMethod": "CUSTOM",
            "copyPrivateIp": False,
            "copyTags": False,
            "launchDisposition": "STARTED",
            "licensing": {"osByol": False},
            "instanceType": "x2iedn-metal.metal-48xl",
            "subnetId": SUBNET,
            "securityGroupIds": [f"sg-{i:017}" for i in range(limits.SECURITY_GROUPS)],
            "iamInstanceProfileArn": machine(180, "arn:aws-us-gov:iam::123456789012:instance-profile/"),
            "staticPrivateIp": f"100.127.1{number // 100:02}.1{number % 100:02}",
        },
    }


def protection_group() -> Object:
    overrides = [_override(number) for number in range(limits.OVERRIDES_PER_GROUP)]
    settings = {key: value for key, value in overrides[0]["launchConfiguration"].items() if key != "staticPrivateIp"}
    plans = [machine(63, f"{i:02}") for i in range(limits.LISTED_PLANS)]
    return {
        "metadata": {"name": machine(63), "namespace": machine(63)},
        "spec": {
            "displayName": human(256),
            "description": human(1024),
            "targetAccountRef": {"name": machine(63)},
            "region": "ap-southeast-2",
            "serverSelectionMode": "tags",
            "serverSelectionTags": {human(128, f"{i:02}"): human(256) for i in range(limits.TAGS)},
            "membership": {"onLeave": "Follow", "minServers": limits.SERVERS_PER_GROUP},
            "suspend": False,
            "launchConfiguration": settings,
            "drillLaunchConfiguration": settings,
            "servers": overrides,
        },
        "status": {
            "observedGeneration": 1000,
            "lastHandledReconcile": machine(256),
            "conditions": conditions(
                "Ready",
                "ServersResolved",
                "NoConflicts",
                "MembershipStable",
                "ReplicationHealthy",
                "LaunchConfigurationSynced",
                "LedgerSynced",
            ),
            "groupId": machine(64),
            "accountId": "999999999999",
            "version": 1000000,
            "sourceRegions": [f"ap-southeast-{i}" for i in range(limits.REGIONS)],
            "sourceRegionSummary": machine(1024),
            "serverCount": limits.SERVERS_PER_GROUP,
            "healthyCount": limits.SERVERS_PER_GROUP,
            "worstLag": "<15m",
            "servers": [
                {
                    "serverId": server(number),
                    "hostname": machine(48),
                    "sourceRegion": "ap-southeast-2",
                    "replicationState": "PENDING_SNAPSHOT_SHIPPING",
                    "recoverable": False,
                    "rpo": "Unknown",
                    "launchConfiguration": "WouldChange",
                    "membership": "Leaving",
                    "message": machine(64),
                }
                for number in range(limits.SERVERS_PER_GROUP)
            ],
            "conflictCount": limits.SERVERS_PER_GROUP,
            "conflicts": [
                {
                    "serverId": server(number),
                    "hostname": machine(48),
                    "currentGroupId": machine(64),
                    "currentGroupName": human(256),
                }
                for number in range(limits.LISTED_CONFLICTS)
            ],
            "invalidServerCount": limits.SERVERS_PER_GROUP,
            "invalidServers": [
                {
                    "serverId": server(number),
                    "hostname": machine(48),
                    "replicationState": "PENDING_SNAPSHOT_SHIPPING",
                    "reason": machine(256),
                }
                for number in range(limits.LISTED_INVALID_SERVERS)
            ],
            "usedByPlans": plans,
            "activeExecutions": plans[: limits.LISTED_ACTIVE_EXECUTIONS],
        },
    }
