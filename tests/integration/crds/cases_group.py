"""ProtectionGroup: what is accepted and what is refused."""

from typing import Any

from tests.integration.crds.objects import A, B, Creation, Edit, Object, group, override

KIND = "ProtectionGroup"
SUBNET = "subnet-0123456789abcdef0"
FIREWALL = ["sg-0123456789abcdef0"]
PROFILE = "arn:aws-us-gov:iam::123456789012:instance-profile/path/DB-Role"


def explicit(*ids: str, **changes: Any) -> Object:
    return group(serverSelectionMode="explicit", serverSelectionTags=None, sourceServerIds=list(ids), **changes)


def launch(**settings: Any) -> Object:
    return group(launchConfiguration=settings)


CREATIONS = [
    Creation(
        "display name",
        KIND,
        group(displayName="Produktion 表示 Web"),
        group(displayName=" "),
        'spec.displayName: Invalid value: " ": INVALID_NAME: the name must not be blank',
    ),
    Creation("display name has a length", KIND, group(displayName="n" * 256), group(displayName="n" * 257), "256"),
    Creation(
        "account is required",
        KIND,
        group(),
        group(targetAccountRef=None),
        "spec.targetAccountRef: Required value",
    ),
    Creation(
        "name of the account",
        KIND,
        group(targetAccountRef={"name": "a.b-c"}),
        group(targetAccountRef={"name": "Production"}),
        "spec.targetAccountRef.name in body should match",
    ),
    Creation("Region", KIND, group(), group(region="useast1"), "spec.region in body should match"),
    Creation(
        "mode",
        KIND,
        group(),
        group(serverSelectionMode="TAGS"),
        'Unsupported value: "TAGS": supported values: "tags", "explicit"',
    ),
    Creation(
        "mode tags needs tags",
        KIND,
        group(),
        group(serverSelectionTags=None),
        "spec.serverSelectionTags: Required value: INVALID_TAGS: serverSelectionMode tags needs serverSelectionTags",
    ),
    Creation(
        "mode explicit needs ids",
        KIND,
        explicit(A, B),
        explicit(A) | {"sourceServerIds": None},
        "spec.sourceServerIds: Required value: INVALID_SERVERS: serverSelectionMode explicit needs sourceServerIds",
    ),
    Creation(
        "one selection",
        KIND,
        explicit(A),
        group(sourceServerIds=[A]),
        "INVALID_PARAMETER: a group selects by serverSelectionTags or by sourceServerIds, not by both",
    ),
    Creation(
        "tags are not empty",
        KIND,
        group(serverSelectionTags={"Tier": ""}),
        group(serverSelectionTags={}),
        "INVALID_TAGS: no tag would select every server; name at least one",
    ),
    Creation(
        "tag keys",
        KIND,
        group(serverSelectionTags={"aws:cloudformation:stack-name": "web"}),
        group(serverSelectionTags={"": "web"}),
        "INVALID_TAGS: tag keys have 1 to 128 characters; correct the key",
    ),
    Creation(
        "50 tags",
        KIND,
        group(serverSelectionTags={f"k{i}": "v" for i in range(50)}),
        group(serverSelectionTags={f"k{i}": "v" for i in range(51)}),
        "spec.serverSelectionTags: Too many: 51: must have at most 50 items",
    ),
    Creation(
        "ids are not empty",
        KIND,
        explicit(A),
        explicit(),
        "INVALID_SERVERS: the list is empty; list at least one server",
    ),
    Creation(
        "server id", KIND, explicit(A), explicit("i-0123456789abcdef0"), "spec.sourceServerIds[0] in body should match"
    ),
    Creation("server once", KIND, explicit(A, B), explicit(A, A), "spec.sourceServerIds[1]: Duplicate value"),
    Creation(
        "500 servers",
        KIND,
        explicit(*(f"s-{i:017}" for i in range(500))),
        explicit(*(f"s-{i:017}" for i in range(501))),
        "spec.sourceServerIds: Too many: 501: must have at most 500 items",
    ),
    Creation(
        "membership",
        KIND,
        group(membership={"onLeave": "Follow", "minServers": 3}),
        group(membership={"onLeave": "Leave"}),
        'Unsupported value: "Leave": supported values: "Hold", "Follow"',
    ),
    Creation(
        "at least one server",
        KIND,
        group(membership={"minServers": 1}),
        group(membership={"minServers": 0}),
        "spec.membership.minServers in body should be greater than or equal to 1",
    ),
    Creation(
        "instance type",
        KIND,
        launch(instanceType="u7i-12tb.224xlarge"),
        launch(instanceType="r6i"),
        "spec.launchConfiguration.instanceType in body should match",
        lifted=True,
    ),
    Creation(
        "custom right-sizing of a group",
        KIND,
        launch(targetInstanceTypeRightSizingMethod="CUSTOM", instanceType="r6i.large"),
        launch(targetInstanceTypeRightSizingMethod="CUSTOM"),
        "spec.launchConfiguration: Invalid value: INVALID_PARAMETER: right-sizing CUSTOM needs an instance type; set "
        "instanceType",
        lifted=True,
    ),
    Creation(
        "custom right-sizing of drills",
        KIND,
        launch(instanceType="r6i.large")
        | {"drillLaunchConfiguration": {"targetInstanceTypeRightSizingMethod": "CUSTOM"}},
        group(drillLaunchConfiguration={"targetInstanceTypeRightSizingMethod": "CUSTOM"}),
        "spec.drillLaunchConfiguration: Invalid value: INVALID_PARAMETER: right-sizing CUSTOM needs an instance type; "
        "set instanceType here or in launchConfiguration",
        lifted=True,
    ),
    Creation(
        "custom right-sizing of a server",
        KIND,
        launch(instanceType="r6i.large") | {"servers": [override(targetInstanceTypeRightSizingMethod="CUSTOM")]},
        launch(instanceType="r6i.large")
        | {"servers": [override(defaults=False, targetInstanceTypeRightSizingMethod="CUSTOM")]},
        "spec.servers: Invalid value: INVALID_PARAMETER: right-sizing CUSTOM of a server needs an instance type",
        lifted=True,
    ),
    Creation(
        "security groups of a group need a subnet",
        KIND,
        launch(securityGroupIds=FIREWALL, subnetId=SUBNET),
        launch(securityGroupIds=FIREWALL),
        "spec.launchConfiguration: Invalid value: INVALID_PARAMETER: securityGroupIds need a subnet; set subnetId",
        lifted=True,
    ),
    Creation(
        "security groups of drills need a subnet",
        KIND,
        launch(subnetId=SUBNET) | {"drillLaunchConfiguration": {"securityGroupIds": FIREWALL}},
        group(drillLaunchConfiguration={"securityGroupIds": FIREWALL}),
        "INVALID_PARAMETER: securityGroupIds need a subnet; set subnetId here or in launchConfiguration",
        lifted=True,
    ),
    Creation(
        "security groups of a server need a subnet",
        KIND,
        launch(subnetId=SUBNET) | {"servers": [override(securityGroupIds=FIREWALL)]},
        launch(subnetId=SUBNET) | {"servers": [override(defaults=False, securityGroupIds=FIREWALL)]},
        "INVALID_PARAMETER: staticPrivateIp and securityGroupIds of a server need a subnet; set subnetId beside them",
        lifted=True,
    ),
    Creation(
        "static address needs a subnet",
        KIND,
        group(servers=[override(staticPrivateIp="10.0.1.100", subnetId=SUBNET)]),
        group(servers=[override(staticPrivateIp="10.0.1.100")]),
        "INVALID_PARAMETER: staticPrivateIp and securityGroupIds of a server need a subnet; set subnetId beside them",
        lifted=True,
    ),
    Creation(
        "static address of a group",
        KIND,
        launch(subnetId=SUBNET),
        launch(subnetId=SUBNET, staticPrivateIp="10.0.1.100"),
        'unknown field "spec.launchConfiguration.staticPrivateIp"',
        lifted=True,
    ),
    Creation(
        "private address",
        KIND,
        group(servers=[override(staticPrivateIp="172.31.255.254", subnetId=SUBNET)]),
        group(servers=[override(staticPrivateIp="172.32.0.1", subnetId=SUBNET)]),
        'spec.servers[0].launchConfiguration.staticPrivateIp: Invalid value: "172.32.0.1": IP_NOT_PRIVATE: this is not '
        "a private IPv4 address; use one of",
        lifted=True,
    ),
    Creation(
        "carrier-grade addresses are private, 256 is no octet",
        KIND,
        group(servers=[override(staticPrivateIp="100.127.0.9", subnetId=SUBNET)]),
        group(servers=[override(staticPrivateIp="10.0.0.256", subnetId=SUBNET)]),
        "IP_NOT_PRIVATE: this is not a private IPv4 address",
        lifted=True,
    ),
    Creation(
        "static address once",
        KIND,
        group(
            servers=[
                override(A, staticPrivateIp="10.0.1.100", subnetId=SUBNET),
                override(B, staticPrivateIp="10.0.1.101", subnetId=SUBNET),
            ]
        ),
        group(
            servers=[
                override(A, staticPrivateIp="10.0.1.100", subnetId=SUBNET),
                override(B, staticPrivateIp="10.0.1.100", subnetId=SUBNET),
            ]
        ),
        "spec.servers: Invalid value: DUPLICATE_IP: two servers of the group have the same staticPrivateIp",
        lifted=True,
    ),
    Creation(
        "static or copied address",
        KIND,
        group(servers=[override(staticPrivateIp="10.0.1.100", subnetId=SUBNET, copyPrivateIp=False)]),
        group(servers=[override(staticPrivateIp="10.0.1.100", subnetId=SUBNET, copyPrivateIp=True)]),
        "INVALID_PARAMETER: staticPrivateIp and copyPrivateIp: true exclude each other; remove one",
        lifted=True,
    ),
    Creation(
        "profile by ARN or name, of a group",
        KIND,
        launch(iamInstanceProfileName="DB-Role"),
        launch(iamInstanceProfileName="DB-Role", iamInstanceProfileArn=PROFILE),
        "INVALID_PARAMETER: set iamInstanceProfileArn or iamInstanceProfileName, not both; remove one",
        lifted=True,
    ),
    Creation(
        "profile by ARN or name, of a server",
        KIND,
        group(servers=[override(iamInstanceProfileArn=PROFILE)]),
        group(servers=[override(iamInstanceProfileName="DB-Role", iamInstanceProfileArn=PROFILE)]),
        "spec.servers[0].launchConfiguration: Invalid value: INVALID_PARAMETER: set iamInstanceProfileArn or",
        lifted=True,
    ),
    Creation(
        "ARN of a profile",
        KIND,
        launch(iamInstanceProfileArn=PROFILE),
        launch(iamInstanceProfileArn="arn:aws:iam::123456789012:role/DB-Role"),
        "INVALID_PARAMETER: this is not the ARN of an instance profile; write arn:aws:iam::",
        lifted=True,
    ),
    Creation(
        "subnet id",
        KIND,
        launch(subnetId="subnet-0123abcd"),
        launch(subnetId="vpc-0123abcd"),
        "spec.launchConfiguration.subnetId in body should match",
        lifted=True,
    ),
    Creation(
        "override once a server",
        KIND,
        group(servers=[override(A), override(B)]),
        group(servers=[override(A), override(A)]),
        f'spec.servers[1]: Duplicate value: {{"serverId":"{A}"}}',
        lifted=True,
    ),
    Creation(
        "300 overrides with 300 addresses",
        KIND,
        group(
            servers=[
                override(f"s-{i:017}", staticPrivateIp=f"10.0.{i // 250}.{i % 250}", subnetId=SUBNET)
                for i in range(300)
            ]
        ),
        group(servers=[override(f"s-{i:017}") for i in range(301)]),
        "spec.servers: Too many: 301: must have at most 300 items",
        lifted=True,
    ),
    Creation(
        "no launch settings of drills yet",
        KIND,
        group(),
        group(drillLaunchConfiguration={"copyTags": True}),
        "NOT_AVAILABLE: spec.drillLaunchConfiguration is not available in this version; leave it out",
    ),
]

_IMMUTABLE = "Forbidden: INVALID_PARAMETER: this field is immutable; create a new object instead"

EDITS = [
    Edit(
        "account is immutable",
        KIND,
        group(),
        {"displayName": "Web"},
        {"targetAccountRef": {"name": "other"}},
        f"spec.targetAccountRef: {_IMMUTABLE}",
    ),
    Edit(
        "Region is immutable",
        KIND,
        group(),
        {"serverSelectionTags": {"Tier": "db"}},
        {"region": "us-west-2"},
        f"spec.region: {_IMMUTABLE}",
    ),
    Edit(
        "mode is immutable",
        KIND,
        group(),
        {"membership": {"onLeave": "Follow"}},
        {"serverSelectionMode": "explicit", "sourceServerIds": [A], "serverSelectionTags": None},
        f"spec.serverSelectionMode: {_IMMUTABLE}",
    ),
]
