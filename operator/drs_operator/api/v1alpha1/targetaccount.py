"""TargetAccount: an AWS account that servers recover into."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.enums import ManagementPolicy, NamespacesFrom, RegionState
from drs_operator.api.v1alpha1.fields import (
    DISPLAY_NAME,
    IMMUTABLE,
    TAG_KEYS,
    AccountId,
    Count,
    Message,
    Open,
    Region,
    Rule,
    ShortMessage,
    TagKey,
    TagValue,
    Time,
    clipped,
    doc,
    entries,
    items,
    number,
    text,
)
from drs_operator.api.v1alpha1.meta import (
    AGE_COLUMN,
    MESSAGE_COLUMN,
    READY_COLUMN,
    REFERENCE,
    Column,
    Definition,
    Resource,
    ResourceStatus,
)
from drs_operator.api.v1alpha1.selectors import LabelSelector

RoleName = Annotated[str, text(64, min_length=1, pattern=r"^[\w+=,.@-]+$")]
ExternalId = Annotated[str, text(1224, min_length=2, pattern=r"^[\w+=,.@:/-]+$")]
AccountName = Annotated[str, text(256)]


class SecretKeyReference(ApiModel):
    """Names one key of a Secret."""

    name: Annotated[str, text(253, min_length=1), doc("metadata.name of the Secret. Required.")]
    namespace: Annotated[str, text(63, min_length=1), doc("Namespace of the Secret. Required.")]
    key: Annotated[str, text(253, min_length=1), doc("Key in the Secret's data that holds the value. Required.")]


class AllowedNamespaces(ApiModel):
    """Which namespaces may use an account."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "(self.from == 'Selector') == has(self.selector)",
            "from: Selector needs selector, from: All has none; correct one of them",
        ),
    )

    from_: Annotated[
        NamespacesFrom,
        doc("All: every namespace. Selector: the namespaces whose labels match selector. Required."),
    ] = Field(alias="from")
    selector: Annotated[
        LabelSelector | None,
        REFERENCE,
        doc("Labels of the namespaces; required with from: Selector, left out with from: All."),
    ] = None

    def admits(self, namespace_labels: dict[str, str]) -> bool:
        """Whether a namespace with these labels may use the account."""
        if self.from_ is NamespacesFrom.ALL:
            return True
        return self.selector is not None and self.selector.matches(namespace_labels)


class StagingAccountSpec(ApiModel):
    """An account that replicates servers on behalf of the target account."""

    cel_rules = (
        Rule(
            Code.MISSING_PARAMETER,
            "!has(self.externalId) || has(self.assumeRoleName)",
            "externalId is used when a role is assumed; name the role in assumeRoleName",
            field_path=".assumeRoleName",
            reason="FieldValueRequired",
        ),
    )

    account_id: Annotated[
        AccountId, doc("Id of the staging account: 12 digits in quotes, not the target account's. Required.")
    ]
    account_name: Annotated[
        AccountName | None,
        doc("Name of the staging account in messages, 1 to 256 characters. Default: accountId.", DISPLAY_NAME),
    ] = None
    assume_role_name: Annotated[
        RoleName | None,
        doc("Role in the staging account that the operator assumes. Default: the operator's own credentials."),
    ] = None
    external_id: Annotated[
        ExternalId | None, doc("External id that the role asks for, 2 to 1224 characters. Default: none is sent.")
    ] = None


class ExtendSourceServers(ApiModel):
    """Extends servers that staging accounts replicate into the target account."""

    enabled: Annotated[bool, doc("Whether servers are extended. Default: false.")] = False
    interval_seconds: Annotated[
        int, number(60, 86400), doc("Time between two passes, in seconds, 60 to 86400. Default: 300.")
    ] = 300
    server_selection_tags: Annotated[
        dict[str, TagValue],
        entries(limits.TAGS),
        doc("Tags that a staging server must all have to be extended. Default: every server is extended.", TAG_KEYS),
    ] = {}


class TagFilters(ApiModel):
    """Which tag keys are copied; a trailing * matches the rest of a key."""

    include: Annotated[
        list[TagKey],
        items(limits.TAGS, list_type="set"),
        doc("Keys to copy; a trailing * matches any rest. Default: all keys."),
    ] = []
    exclude: Annotated[
        list[TagKey],
        items(limits.TAGS, list_type="set"),
        doc("Keys to leave out, stronger than include; a trailing * matches any rest. Default: none."),
    ] = []


class TagSync(ApiModel):
    """Copies EC2 tags of the source instances to the DRS source servers; removes only keys it wrote itself."""

    enabled: Annotated[bool, doc("Whether tags are copied. Default: false.")] = False
    interval_seconds: Annotated[
        int, number(60, 86400), doc("Time between two passes, in seconds, 60 to 86400. Default: 300.")
    ] = 300
    sync_tags: Annotated[bool, doc("Copy the tags of the source instance. Default: true.")] = True
    sync_instance_type: Annotated[
        bool, doc("Copy the instance type of the source instance into the launch template. Default: false.")
    ] = False
    tag_filters: Annotated[TagFilters | None, doc("Which tag keys are copied. Default: all.")] = None


class TargetAccountSpec(ApiModel):
    """What is wanted. Written by users only."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "!(has(self.externalId) && has(self.externalIdSecretRef))",
            "set externalId or externalIdSecretRef, not both; remove one",
        ),
        Rule(
            Code.MISSING_PARAMETER,
            "has(self.assumeRoleName) || !(has(self.externalId) || has(self.externalIdSecretRef))",
            "an external id is used when a role is assumed; name the role in assumeRoleName or remove the external id",
            field_path=".assumeRoleName",
            reason="FieldValueRequired",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.stagingAccounts) || self.stagingAccounts.all(s, s.accountId != self.accountId)",
            "a staging account is another account than the target; remove the target's own id from stagingAccounts",
            field_path=".stagingAccounts",
        ),
    )

    account_id: Annotated[
        AccountId,
        doc(
            "Id of the AWS account: 12 digits in quotes, unique in the installation. Required, immutable.",
            IMMUTABLE,
        ),
    ]
    account_name: Annotated[
        AccountName | None,
        doc("Name of the account in messages, 1 to 256 characters. Default: metadata.name.", DISPLAY_NAME),
    ] = None
    assume_role_name: Annotated[
        RoleName | None,
        doc(
            "Name of the role in this account that the operator assumes, without path. Default: none, the operator "
            "uses its own credentials and accountId must be theirs."
        ),
    ] = None
    external_id: Annotated[
        ExternalId | None,
        doc(
            "External id that the role asks for, 2 to 1224 characters; readable by everyone who may read this "
            "object, so prefer externalIdSecretRef. Default: none is sent."
        ),
    ] = None
    external_id_secret_ref: Annotated[
        SecretKeyReference | None,
        REFERENCE,
        doc("The key of a Secret that holds the external id, instead of externalId. Default: none."),
    ] = None
    management_policy: Annotated[
        ManagementPolicy,
        doc(
            "Manage: the operator launches and configures. Observe: everything is read and judged, but no call that "
            "changes anything is made in this account; it is also the emergency stop. Default: Manage."
        ),
    ] = ManagementPolicy.MANAGE
    regions: Annotated[
        list[Region],
        items(limits.REGIONS, list_type="set", min_items=1),
        doc(
            "Regions that protection groups may recover into. Default: every opted-in Region that a protection "
            "group names."
        ),
    ] = []
    allowed_namespaces: Annotated[
        AllowedNamespaces,
        doc("Which namespaces may point a ProtectionGroup at this account. Required, so that it is a decision."),
    ]
    staging_accounts: Annotated[
        list[StagingAccountSpec],
        items(limits.STAGING_ACCOUNTS, list_type="map", keys=["accountId"]),
        doc("Accounts whose replicated servers are extended into this one, each once. Default: none."),
    ] = []
    extend_source_servers: Annotated[
        ExtendSourceServers | None,
        doc("Extends the servers of stagingAccounts into this account. Default: nothing is extended."),
    ] = None
    tag_sync: Annotated[
        TagSync | None,
        doc("Copies EC2 tags of source instances to DRS source servers. Default: no tag is copied."),
    ] = None


class RegionQuotas(ApiModel):
    """Limits of DRS in one Region of the account."""

    jobs_in_progress: Annotated[int | None, number(0), doc("How many jobs may run at once.")] = None
    servers_per_job: Annotated[int | None, number(0), doc("How many servers one job may hold.")] = None
    servers_in_all_jobs: Annotated[
        int | None, number(0), doc("How many servers all running jobs together may hold.")
    ] = None
    replicating_servers: Annotated[int | None, number(0), doc("How many servers may replicate.")] = None
    source_servers: Annotated[int | None, number(0), doc("How many source servers there may be.")] = None


class RegionStatus(ApiModel):
    """What one Region of the account answered; rewritten when a state, a level or a number of servers changes."""

    name: Annotated[str, text(32), doc("Name of the Region.")]
    state: Annotated[Open[RegionState], doc("What the Region answered when it was read last.")]
    message: Annotated[
        Message | None,
        doc("What is wrong, with the command that mends it; with state ACTIVE: why quotas are the published ones."),
    ] = None
    source_servers: Annotated[
        Count | None, doc("How many DRS source servers there are, or were when the Region answered last.")
    ] = None
    replicating_servers: Annotated[Count | None, doc("How many of them replicate.")] = None
    extended_servers: Annotated[Count | None, doc("How many of them a staging account replicates.")] = None
    unprotected_servers: Annotated[Count | None, doc("How many of them are in no protection group.")] = None
    quotas: Annotated[
        RegionQuotas | None,
        doc("Limits of DRS in this Region, from Service Quotas, or the published ones where message says so."),
    ] = None


class StagingAccountStatus(ApiModel):
    """What one staging account answered."""

    account_id: Annotated[str, text(12), doc("Id of the staging account.")]
    reachable: Annotated[bool | None, doc("Whether it answered last time.")] = None
    servers_found: Annotated[Count | None, doc("How many source servers it replicates.")] = None
    extended: Annotated[Count | None, doc("How many of them are extended.")] = None
    failed: Annotated[Count | None, doc("How many could not be extended.")] = None
    last_sync_time: Annotated[Time | None, doc("When the last pass ended.")] = None


class TagSyncStatus(ApiModel):
    """Result of the last pass that copied tags."""

    last_sync_time: Annotated[Time | None, doc("When the last pass ended.")] = None
    servers_processed: Annotated[Count | None, doc("How many servers the last pass looked at.")] = None
    tags_synchronized: Annotated[Count | None, doc("How many tags are in step.")] = None
    errors: Annotated[
        list[ShortMessage],
        items(limits.LISTED_SYNC_ERRORS),
        doc("What went wrong in the last pass, the first 20."),
    ] = []


class TargetAccountStatus(ResourceStatus):
    """What is observed. Written by the operator only."""

    role_arn: Annotated[
        str | None,
        clipped(2048),
        text(2048),
        doc("ARN of the role that is assumed; absent with the operator's own credentials."),
    ] = None
    regions: Annotated[
        list[RegionStatus],
        items(limits.REGIONS),
        doc("What each Region answered; live figures are metrics."),
    ] = []
    region_summary: Annotated[
        str | None,
        clipped(1024),
        text(1024),
        doc("The names in regions, separated by commas, for the column REGIONS."),
    ] = None
    source_servers: Annotated[
        Count | None,
        doc("DRS source servers in all Regions together, for the column SERVERS."),
    ] = None
    unprotected_servers: Annotated[
        Count | None,
        doc("Source servers of all Regions that are in no protection group, for the column UNPROTECTED."),
    ] = None
    staging_accounts: Annotated[
        list[StagingAccountStatus],
        items(limits.STAGING_ACCOUNTS),
        doc("What each staging account answered."),
    ] = []
    tag_sync: Annotated[TagSyncStatus | None, doc("Result of the last tag sync.")] = None
    used_by_count: Annotated[
        Count | None,
        doc(
            "How many protection groups use this account; while it is above 0 the account cannot be deleted. No "
            "names, they would leak across namespaces."
        ),
    ] = None


class TargetAccount(Resource):
    """An AWS account that servers recover into: its role, Regions, staging accounts and tag sync."""

    definition: ClassVar[Definition] = Definition(
        kind="TargetAccount",
        plural="targetaccounts",
        short_name="drta",
        scope="Cluster",
        columns=(
            Column("Account", ".spec.accountId"),
            Column("Regions", ".status.regionSummary"),
            Column("Servers", ".status.sourceServers", "integer"),
            READY_COLUMN,
            AGE_COLUMN,
            Column("Policy", ".spec.managementPolicy", wide=True),
            Column("Role", ".spec.assumeRoleName", wide=True),
            Column("Unprotected", ".status.unprotectedServers", "integer", wide=True),
            MESSAGE_COLUMN,
        ),
    )

    kind: Literal["TargetAccount"] = "TargetAccount"
    spec: TargetAccountSpec
    status: TargetAccountStatus = Field(default_factory=TargetAccountStatus)

    @property
    def display_name(self) -> str:
        """The account's name in messages."""
        return self.spec.account_name or self.metadata.name
