"""TargetAccount: what is accepted and what is refused."""

from tests.integration.crds.objects import Creation, Edit, account

KIND = "TargetAccount"
SECRET = {"name": "external-ids", "namespace": "drs-system", "key": "production"}
STAGING = {"accountId": "987654321098"}
REQUIREMENT = {"key": "tenant", "operator": "In", "values": ["payments"]}


def _selector(selector: object) -> dict[str, object]:
    return account(allowedNamespaces={"from": "Selector", "selector": selector})


CREATIONS = [
    Creation("account id", KIND, account(), account(accountId="12345678901"), "spec.accountId in body should match"),
    Creation(
        "account id in quotes",
        KIND,
        account(),
        account(accountId=123456789012),
        'spec.accountId in body must be of type string: "integer"',
    ),
    Creation("account id is required", KIND, account(), account(accountId=None), "spec.accountId: Required value"),
    Creation(
        "account name",
        KIND,
        account(accountName="Payments (EU)"),
        account(accountName="Payments "),
        "INVALID_NAME: the name must not be blank, begin or end with a blank, or contain control characters",
    ),
    Creation(
        "role name without path",
        KIND,
        account(assumeRoleName="DRS_Role-1"),
        account(assumeRoleName="service-role/DRS"),
        "spec.assumeRoleName in body should match",
    ),
    Creation(
        "external id has two characters",
        KIND,
        account(externalId="ab"),
        account(externalId="a"),
        "spec.externalId in body should be at least 2 chars long",
    ),
    Creation(
        "external id in one place",
        KIND,
        account(externalIdSecretRef=SECRET),
        account(externalIdSecretRef=SECRET, externalId="tenant-17"),
        "INVALID_PARAMETER: set externalId or externalIdSecretRef, not both; remove one",
    ),
    Creation(
        "external id needs a role",
        KIND,
        account(assumeRoleName=None),
        account(assumeRoleName=None, externalId="tenant-17"),
        "spec.assumeRoleName: Required value: MISSING_PARAMETER: an external id is used when a role is assumed",
    ),
    Creation(
        "external id of a Secret needs a role",
        KIND,
        account(externalIdSecretRef=SECRET),
        account(assumeRoleName=None, externalIdSecretRef=SECRET),
        "MISSING_PARAMETER: an external id is used when a role is assumed; name the role in assumeRoleName or",
    ),
    Creation(
        "policy",
        KIND,
        account(managementPolicy="Observe"),
        account(managementPolicy="Watch"),
        'spec.managementPolicy: Unsupported value: "Watch": supported values: "Manage", "Observe"',
    ),
    Creation(
        "Region",
        KIND,
        account(regions=["us-gov-west-1", "eusc-de-east-1", "ap-southeast-5"]),
        account(regions=["us-east-1a"]),
        "spec.regions[0] in body should match",
    ),
    Creation(
        "Region once",
        KIND,
        account(regions=["us-east-1", "us-west-2"]),
        account(regions=["us-east-1", "us-east-1"]),
        'spec.regions[1]: Duplicate value: "us-east-1"',
    ),
    Creation(
        "namespaces are a decision",
        KIND,
        account(),
        account(allowedNamespaces=None),
        "spec.allowedNamespaces: Required value",
    ),
    Creation(
        "selector with from Selector",
        KIND,
        _selector({"matchLabels": {"tenant": "payments"}}),
        account(allowedNamespaces={"from": "Selector"}),
        "INVALID_PARAMETER: from: Selector needs selector, from: All has none",
    ),
    Creation(
        "no selector with from All",
        KIND,
        account(),
        account(allowedNamespaces={"from": "All", "selector": {"matchLabels": {"tenant": "payments"}}}),
        "INVALID_PARAMETER: from: Selector needs selector, from: All has none",
    ),
    Creation(
        "selector is not empty",
        KIND,
        _selector({"matchExpressions": [REQUIREMENT]}),
        _selector({"matchLabels": {}, "matchExpressions": []}),
        "INVALID_PARAMETER: the selector is empty; name labels, or use from: All",
    ),
    Creation(
        "In needs values",
        KIND,
        _selector({"matchExpressions": [{"key": "tenant", "operator": "Exists"}]}),
        _selector({"matchExpressions": [{"key": "tenant", "operator": "In"}]}),
        "INVALID_PARAMETER: In and NotIn need values, Exists and DoesNotExist have none",
    ),
    Creation(
        "Exists has no values",
        KIND,
        _selector({"matchExpressions": [{**REQUIREMENT, "operator": "NotIn"}]}),
        _selector({"matchExpressions": [{**REQUIREMENT, "operator": "Exists"}]}),
        "INVALID_PARAMETER: In and NotIn need values, Exists and DoesNotExist have none",
    ),
    Creation(
        "staging account once",
        KIND,
        account(stagingAccounts=[STAGING]),
        account(stagingAccounts=[STAGING, STAGING]),
        'spec.stagingAccounts[1]: Duplicate value: {"accountId":"987654321098"}',
        lifted=True,
    ),
    Creation(
        "staging account is another account",
        KIND,
        account(stagingAccounts=[STAGING]),
        account(stagingAccounts=[{"accountId": "123456789012"}]),
        "INVALID_PARAMETER: a staging account is another account than the target; remove the target's own id",
        lifted=True,
    ),
    Creation(
        "name of a staging account",
        KIND,
        account(stagingAccounts=[{**STAGING, "accountName": "Staging 1"}]),
        account(stagingAccounts=[{**STAGING, "accountName": "Staging\t1"}]),
        'spec.stagingAccounts[0].accountName: Invalid value: "Staging\\t1": INVALID_NAME: the name must not be blank',
        lifted=True,
    ),
    Creation(
        "external id of a staging account needs a role",
        KIND,
        account(stagingAccounts=[{**STAGING, "externalId": "tenant-17", "assumeRoleName": "Recovery"}]),
        account(stagingAccounts=[{**STAGING, "externalId": "tenant-17"}]),
        "MISSING_PARAMETER: externalId is used when a role is assumed; name the role in assumeRoleName",
        lifted=True,
    ),
    Creation(
        "tag keys of servers to extend",
        KIND,
        account(extendSourceServers={"serverSelectionTags": {"k" * 128: "v"}}),
        account(extendSourceServers={"serverSelectionTags": {"k" * 129: "v"}}),
        "INVALID_TAGS: tag keys have 1 to 128 characters",
    ),
    Creation(
        "interval",
        KIND,
        account(tagSync={"intervalSeconds": 60}),
        account(tagSync={"intervalSeconds": 59}),
        "spec.tagSync.intervalSeconds in body should be greater than or equal to 60",
    ),
    Creation(
        "no staging accounts yet",
        KIND,
        account(stagingAccounts=[]),
        account(stagingAccounts=[STAGING]),
        "NOT_AVAILABLE: spec.stagingAccounts is not available in this version; leave it out",
    ),
    Creation(
        "no extending yet",
        KIND,
        account(extendSourceServers={"enabled": False, "intervalSeconds": 600}),
        account(extendSourceServers={"enabled": True}),
        "NOT_AVAILABLE: spec.extendSourceServers.enabled is not available in this version; leave it false",
    ),
    Creation(
        "no tag sync yet",
        KIND,
        account(tagSync={}),
        account(tagSync={"enabled": True}),
        "NOT_AVAILABLE: spec.tagSync.enabled is not available in this version; leave it false",
    ),
]

EDITS = [
    Edit(
        "account id is immutable",
        KIND,
        account(),
        {"accountName": "Payments", "assumeRoleName": "Other"},
        {"accountId": "123456789013"},
        "spec.accountId: Forbidden: INVALID_PARAMETER: this field is immutable; create a new object instead",
    ),
]
