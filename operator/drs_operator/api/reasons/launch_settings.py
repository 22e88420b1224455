"""Launch settings: what is checked before it is written to DRS and EC2, and how they stand."""

from drs_operator.api.reasons.record import Area, Reason, coded, condition, event, field, schema, word
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.LAUNCH_SETTINGS
_GROUP = "ProtectionGroup"
_SYNCED = (*condition(_GROUP, "LaunchConfigurationSynced"), *event(_GROUP))
_SEEN = (*_SYNCED, *field(_GROUP, "servers[].message"))
_STATE = (*_SYNCED, *field(_GROUP, "servers[].launchConfiguration"))

LAUNCH_SETTINGS: tuple[Reason, ...] = (
    coded(
        Code.INSTANCE_TYPE_UNAVAILABLE,
        _AREA,
        _SEEN,
        "The Region does not offer the instance type of a server.",
        "Choose a type that it offers: aws ec2 describe-instance-type-offerings --region REGION.",
    ),
    coded(
        Code.SUBNET_NOT_FOUND,
        _AREA,
        _SEEN,
        "The subnet does not exist in the account and Region that are recovered into.",
        "Correct subnetId; what exists: aws ec2 describe-subnets --region REGION.",
    ),
    coded(
        Code.SECURITY_GROUPS_NOT_FOUND,
        _AREA,
        _SEEN,
        "A security group does not exist in the account and Region, or is of another VPC than the subnet.",
        "Name security groups of the subnet's VPC.",
    ),
    coded(
        Code.IP_NOT_PRIVATE,
        _AREA,
        (*schema(_GROUP), *_SEEN),
        "staticPrivateIp is no private IPv4 address.",
        "Use an address of the subnet, in 10/8, 172.16/12, 192.168/16 or 100.64/10.",
    ),
    coded(
        Code.IP_OUT_OF_RANGE,
        _AREA,
        _SEEN,
        "staticPrivateIp is not in the subnet's address range.",
        "Choose an address of the subnet, or another subnet.",
    ),
    coded(
        Code.IP_RESERVED,
        _AREA,
        _SEEN,
        "staticPrivateIp is one of the five addresses that AWS keeps in every subnet.",
        "Choose another address: the first four and the last of a subnet are never free.",
    ),
    coded(
        Code.IP_IN_USE,
        _AREA,
        _SEEN,
        "Something else has this address in the subnet now.",
        "Look at the network interface that the message names; free the address, or choose another one.",
    ),
    coded(
        Code.DUPLICATE_IP,
        _AREA,
        (*schema(_GROUP), *_SEEN),
        "Two servers, of this group or of two groups, are to have the same address in a subnet; the first has it.",
        "Give each server its own staticPrivateIp.",
    ),
    coded(
        Code.DRILL_NOT_ISOLATED,
        _AREA,
        (*condition(_GROUP, "LaunchConfigurationSynced"),),
        "A drill would launch into the network of production.",
        "Set drillLaunchConfiguration to an isolated subnet.",
        missing="drill isolation",
    ),
    word(
        "Drifted",
        _AREA,
        _STATE,
        "Somebody has changed launch settings on AWS that this group manages; the next look writes them again.",
        "If the change is meant to stay, put it into the group, or take the setting out of it.",
    ),
    word(
        "WouldChange",
        _AREA,
        _STATE,
        "Launch settings on AWS differ, and the account is in Observe: it is said what would be written.",
        "Read what would change, then set managementPolicy of the TargetAccount to Manage.",
    ),
    word(
        "LaunchConfigurationSynced",
        _AREA,
        event(_GROUP),
        "The launch settings on AWS are those of the group.",
    ),
)
