"""ProtectionGroup: servers that recover together, and how they launch."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.enums import (
    LaunchConfigurationState,
    Membership,
    OnLeave,
    RpoState,
    ServerSelectionMode,
    WorstLag,
)
from drs_operator.api.v1alpha1.fields import (
    DISPLAY_NAME,
    IMMUTABLE,
    TAG_KEYS,
    Count,
    Hostname,
    Id,
    Name,
    Open,
    Region,
    RegionName,
    Rule,
    ServerId,
    TagValue,
    Word,
    clipped,
    doc,
    entries,
    items,
    number,
    text,
)
from drs_operator.api.v1alpha1.launchconfiguration import LaunchConfiguration, ServerOverride
from drs_operator.api.v1alpha1.meta import (
    AGE_COLUMN,
    MESSAGE_COLUMN,
    READY_COLUMN,
    REFERENCE,
    Column,
    Definition,
    LocalReference,
    Resource,
    ResourceStatus,
)


class MembershipPolicy(ApiModel):
    """How the membership follows the selection."""

    on_leave: Annotated[
        OnLeave,
        doc(
            "Hold: a member that no longer matches, through a change outside of this object, stays until it matches "
            "again, another group selects it, DRS no longer has it, or it is released. Follow: it leaves at once. "
            "Default: Hold."
        ),
    ] = OnLeave.HOLD
    min_servers: Annotated[
        int,
        number(1, limits.SERVERS_PER_GROUP),
        doc("With fewer servers the group is not Ready, 1 to 500. Default: 1."),
    ] = 1


class ProtectionGroupSpec(ApiModel):
    """What is wanted. Written by users only."""

    cel_rules = (
        Rule(
            Code.INVALID_TAGS,
            "self.serverSelectionMode != 'tags' || has(self.serverSelectionTags)",
            "serverSelectionMode tags needs serverSelectionTags; name at least one tag",
            field_path=".serverSelectionTags",
            reason="FieldValueRequired",
        ),
        Rule(
            Code.INVALID_SERVERS,
            "self.serverSelectionMode != 'explicit' || has(self.sourceServerIds)",
            "serverSelectionMode explicit needs sourceServerIds; list at least one server",
            field_path=".sourceServerIds",
            reason="FieldValueRequired",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!(has(self.serverSelectionTags) && has(self.sourceServerIds))",
            "a group selects by serverSelectionTags or by sourceServerIds, not by both; remove one",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.drillLaunchConfiguration) || !has(self.drillLaunchConfiguration.securityGroupIds)"
            " || has(self.drillLaunchConfiguration.subnetId)"
            " || (has(self.launchConfiguration) && has(self.launchConfiguration.subnetId))",
            "securityGroupIds need a subnet; set subnetId here or in launchConfiguration",
            field_path=".drillLaunchConfiguration",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.drillLaunchConfiguration)"
            " || !has(self.drillLaunchConfiguration.targetInstanceTypeRightSizingMethod)"
            " || self.drillLaunchConfiguration.targetInstanceTypeRightSizingMethod != 'CUSTOM'"
            " || has(self.drillLaunchConfiguration.instanceType)"
            " || (has(self.launchConfiguration) && has(self.launchConfiguration.instanceType))",
            "right-sizing CUSTOM needs an instance type; set instanceType here or in launchConfiguration",
            field_path=".drillLaunchConfiguration",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.servers) || self.servers.all(s, !has(s.launchConfiguration)"
            " || !(has(s.launchConfiguration.staticPrivateIp) || has(s.launchConfiguration.securityGroupIds))"
            " || has(s.launchConfiguration.subnetId)"
            " || (s.useGroupDefaults && has(self.launchConfiguration) && has(self.launchConfiguration.subnetId)))",
            "staticPrivateIp and securityGroupIds of a server need a subnet; set subnetId beside them or, with "
            "useGroupDefaults, in the group's launchConfiguration",
            field_path=".servers",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.servers) || self.servers.all(s, !has(s.launchConfiguration)"
            " || !has(s.launchConfiguration.targetInstanceTypeRightSizingMethod)"
            " || s.launchConfiguration.targetInstanceTypeRightSizingMethod != 'CUSTOM'"
            " || has(s.launchConfiguration.instanceType)"
            " || (s.useGroupDefaults && has(self.launchConfiguration) && has(self.launchConfiguration.instanceType)))",
            "right-sizing CUSTOM of a server needs an instance type; set instanceType beside it or, with "
            "useGroupDefaults, in the group's launchConfiguration",
            field_path=".servers",
        ),
    )

    display_name: Annotated[
        str | None,
        text(256),
        doc(
            "Name of the group in messages and in the ledger, 1 to 256 characters, unique in the namespace whatever "
            "the case. Default: metadata.name.",
            DISPLAY_NAME,
        ),
    ] = None
    description: Annotated[str | None, text(1024), doc("Free text, up to 1024 characters. Default: none.")] = None
    target_account_ref: Annotated[
        LocalReference,
        REFERENCE,
        doc(
            "The TargetAccount that the servers recover into; whoever creates the group needs the verb use on it. "
            "The account id behind it is remembered. Required, immutable.",
            IMMUTABLE,
        ),
    ]
    region: Annotated[
        Region,
        doc("The AWS Region that the servers recover into, for example us-east-1. Required, immutable.", IMMUTABLE),
    ]
    server_selection_mode: Annotated[
        ServerSelectionMode,
        doc(
            "tags: the servers that match serverSelectionTags. explicit: those in sourceServerIds. Required, "
            "immutable.",
            IMMUTABLE,
        ),
    ]
    server_selection_tags: Annotated[
        dict[str, TagValue],
        entries(limits.TAGS),
        doc(
            "Tags of DRS source servers, all of which a server must have: keys compare exactly, values without case "
            "and outer blanks. Required with serverSelectionMode tags, 1 to 50 tags.",
            Rule(Code.INVALID_TAGS, "size(self) > 0", "no tag would select every server; name at least one"),
            TAG_KEYS,
        ),
    ] = {}
    source_server_ids: Annotated[
        list[ServerId],
        items(limits.SERVERS_PER_GROUP, list_type="set"),
        doc(
            "Ids of DRS source servers (s- and 17 characters). Required with serverSelectionMode explicit, 1 to 500 "
            "ids.",
            Rule(Code.INVALID_SERVERS, "size(self) > 0", "the list is empty; list at least one server"),
        ),
    ] = []
    membership: Annotated[
        MembershipPolicy | None,
        doc("How the membership follows the selection. Default: onLeave Hold, minServers 1."),
    ] = None
    suspend: Annotated[
        bool,
        doc(
            "true: the servers are resolved and shown, but nothing is claimed or let go, and nothing is written on AWS "
            "or in the ledger. What the group holds it keeps, its launch settings stay as they are on AWS, edits wait, "
            "and commands are refused. Ready is Unknown (Suspended), so plans that use the group are not Ready; a run "
            "launches the servers that the group holds. Deletion works. Default: false."
        ),
    ] = False
    launch_configuration: Annotated[
        LaunchConfiguration | None,
        doc(
            "Launch settings of every server of the group. A key that is left out stays as AWS has it. Edits take "
            "effect at the next launch or retry. Default: nothing is set.",
            Rule(
                Code.INVALID_PARAMETER,
                "!has(self.targetInstanceTypeRightSizingMethod)"
                " || self.targetInstanceTypeRightSizingMethod != 'CUSTOM' || has(self.instanceType)",
                "right-sizing CUSTOM needs an instance type; set instanceType",
            ),
            Rule(
                Code.INVALID_PARAMETER,
                "!has(self.securityGroupIds) || has(self.subnetId)",
                "securityGroupIds need a subnet; set subnetId",
            ),
        ),
    ] = None
    drill_launch_configuration: Annotated[
        LaunchConfiguration | None,
        doc("Launch settings that replace those above, key by key, in drills only. Default: none."),
    ] = None
    servers: Annotated[
        list[ServerOverride],
        items(limits.OVERRIDES_PER_GROUP, list_type="map", keys=["serverId"]),
        doc(
            "Launch settings of single servers, each named once, at most 300. One for a server that is not in the "
            "group waits until it is. Default: none.",
            Rule(
                Code.DUPLICATE_IP,
                # One pass that names the addresses, then native look-ups: every status write evaluates this, too.
                "[self.filter(s, has(s.launchConfiguration) && has(s.launchConfiguration.staticPrivateIp))"
                ".map(s, s.launchConfiguration.staticPrivateIp)]"
                ".all(ips, ips.all(ip, ips.indexOf(ip) == ips.lastIndexOf(ip)))",
                "two servers of the group have the same staticPrivateIp; give each its own",
            ),
        ),
    ] = []


class GroupServerStatus(ApiModel):
    """One member of the group."""

    server_id: Annotated[str, text(19), doc("Id of the DRS source server.")]
    hostname: Annotated[Hostname | None, doc("Host name that DRS knows.")] = None
    source_region: Annotated[str | None, text(32), doc("Region that the server runs in.")] = None
    replication_state: Annotated[Word | None, doc("State of the replication, AWS's word, for example CONTINUOUS.")] = (
        None
    )
    recoverable: Annotated[
        bool | None,
        doc("Whether it could be launched now: not disconnected, and a recovery point exists."),
    ] = None
    rpo: Annotated[Open[RpoState] | None, doc("Whether its data is fresh enough.")] = None
    launch_configuration: Annotated[
        Open[LaunchConfigurationState] | None,
        doc("How its launch settings on AWS compare with the wanted ones."),
    ] = None
    membership: Annotated[
        Open[Membership] | None,
        doc(
            "Member, or Leaving: it no longer matches and is held. Absent: the group is suspended and does not hold it."
        ),
    ] = None
    message: Annotated[
        str | None,
        clipped(64),
        text(64),
        doc("What changed about a Leaving server, or what is wrong with it."),
    ] = None


class GroupConflict(ApiModel):
    """A server that this group selects and another group holds."""

    server_id: Annotated[str, text(19), doc("Id of the DRS source server.")]
    hostname: Annotated[Hostname | None, doc("Host name that DRS knows.")] = None
    current_group_id: Annotated[Id | None, doc("Id of the group that holds it; absent: a run does.")] = None
    current_group_name: Annotated[Name | None, doc("Display name of the group that holds it.")] = None


class InvalidServer(ApiModel):
    """A server that is selected but cannot be protected."""

    server_id: Annotated[str, text(19), doc("Id of the DRS source server.")]
    hostname: Annotated[Hostname | None, doc("Host name that DRS knows.")] = None
    replication_state: Annotated[Word | None, doc("State of the replication, AWS's word.")] = None
    reason: Annotated[str | None, clipped(256), text(256), doc("The code and what to do next.")] = None


class ProtectionGroupStatus(ResourceStatus):
    """What is observed. Written by the operator only."""

    group_id: Annotated[
        Id | None,
        doc("Id of the group in the ledger, made of installation, namespace and name: the same in a rebuilt cluster."),
    ] = None
    account_id: Annotated[
        str | None,
        text(12),
        doc("The AWS account behind targetAccountRef when the group was first accepted."),
    ] = None
    version: Annotated[Count | None, doc("Goes up by one with every accepted change; the ledger's version.")] = None
    source_regions: Annotated[
        list[RegionName],
        items(limits.REGIONS),
        doc("Regions that the servers run in."),
    ] = []
    source_region_summary: Annotated[
        str | None,
        clipped(1024),
        text(1024),
        doc("The names in sourceRegions, separated by commas, for the column FROM."),
    ] = None
    server_count: Annotated[Count | None, doc("How many servers the group has.")] = None
    healthy_count: Annotated[Count | None, doc("How many of them replicate well and are recoverable.")] = None
    worst_lag: Annotated[
        Open[WorstLag] | None,
        doc("Largest replication lag of a server, as a bucket; exact values are metrics."),
    ] = None
    servers: Annotated[
        list[GroupServerStatus],
        items(limits.SERVERS_PER_GROUP),
        doc("The servers that the group holds; of a suspended group those that it selects."),
    ] = []
    conflict_count: Annotated[Count | None, doc("How many selected servers somebody else holds.")] = None
    conflicts: Annotated[
        list[GroupConflict],
        items(limits.LISTED_CONFLICTS),
        doc("The first 50 selected servers that somebody else holds, another group or a run."),
    ] = []
    invalid_server_count: Annotated[Count | None, doc("How many selected servers cannot be protected.")] = None
    invalid_servers: Annotated[
        list[InvalidServer],
        items(limits.LISTED_INVALID_SERVERS),
        doc("The first 50 selected servers that cannot be protected."),
    ] = []
    used_by_plans: Annotated[
        list[Annotated[str, text(63)]],
        items(limits.LISTED_PLANS),
        doc("Recovery plans that use the group, the first 100; it cannot be deleted meanwhile."),
    ] = []
    active_executions: Annotated[
        list[Annotated[str, text(63)]],
        items(limits.LISTED_ACTIVE_EXECUTIONS),
        doc("Executions that hold the group now; it cannot be deleted meanwhile."),
    ] = []


class ProtectionGroup(Resource):
    """Servers that recover together, chosen by tags or listed, and how they launch."""

    definition: ClassVar[Definition] = Definition(
        kind="ProtectionGroup",
        plural="protectiongroups",
        short_name="drpg",
        scope="Namespaced",
        columns=(
            Column("Account", ".spec.targetAccountRef.name"),
            Column("From", ".status.sourceRegionSummary"),
            Column("Into", ".spec.region"),
            Column("Servers", ".status.serverCount", "integer"),
            Column("Healthy", ".status.healthyCount", "integer"),
            READY_COLUMN,
            AGE_COLUMN,
            Column("Mode", ".spec.serverSelectionMode", wide=True),
            Column("Worst-Lag", ".status.worstLag", wide=True),
            MESSAGE_COLUMN,
        ),
        selectable_fields=(".spec.targetAccountRef.name", ".spec.region"),
    )

    kind: Literal["ProtectionGroup"] = "ProtectionGroup"
    spec: ProtectionGroupSpec
    status: ProtectionGroupStatus = Field(default_factory=ProtectionGroupStatus)

    @property
    def display_name(self) -> str:
        """The group's name in messages and in the ledger."""
        return self.spec.display_name or self.metadata.name
