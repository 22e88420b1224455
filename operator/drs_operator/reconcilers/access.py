"""How to enter the account that an object names, or why that is not possible."""

from __future__ import annotations

from dataclasses import replace

from drs_operator.api.v1alpha1 import TargetAccount
from drs_operator.planning import account as accounts
from drs_operator.planning.facts import Failure, Place
from drs_operator.ports import Access, AccessDenied, ReadFailed
from drs_operator.reconcilers.context import Context


async def access_of(
    context: Context, account: TargetAccount, session_name: str = "drs-operator", fresh: bool = False
) -> Access:
    """Role and external id; `fresh`: the Secret is read now. Raises ReadFailed when it has no such key."""
    spec = account.spec
    external_id = spec.external_id
    if (ref := spec.external_id_secret_ref) is not None:
        try:
            external_id = await context.cluster.secret_value(ref.namespace, ref.name, ref.key, fresh)
        except AccessDenied as error:
            text = f"TargetAccount {account.metadata.name}: Secret {ref.namespace}/{ref.name} cannot be read"
            example = "manifests/install/secrets-role.example.yaml"
            raise AccessDenied("ROLE_ASSUMPTION_FAILED", f"{text}: {error.message}; {example} shows how") from error
        if external_id is None:
            raise ReadFailed(
                "ROLE_ASSUMPTION_FAILED",
                f"TargetAccount {account.metadata.name}: Secret {ref.namespace}/{ref.name} has no key {ref.key}; "
                f"create it: kubectl create secret generic {ref.name} -n {ref.namespace} --from-literal={ref.key}=…",
            )
    return Access(account.metadata.name, spec.account_id, spec.assume_role_name, external_id, session_name)


def account_of(context: Context, name: str, place: Place) -> TargetAccount | None:
    """The account that a run was pinned to, from memory; None: it is gone, or its name means another one by now."""
    account = context.objects.get(TargetAccount, None, name)
    return account if account is not None and account.spec.account_id == place.account_id else None


async def entry(
    context: Context, name: str, namespace: str, remembered: str | None = None
) -> tuple[TargetAccount, Access] | Failure:
    """The account of this name and how to enter it from a namespace, or the reason why not.

    `remembered`: the account id that was behind the name before, if there was one (ACCOUNT_CHANGED).
    """
    account = context.objects.get(TargetAccount, None, name)
    if account is None:
        return Failure(
            "TARGET_ACCOUNT_NOT_FOUND", f"TargetAccount {name} does not exist; create it, or correct the reference"
        )
    if remembered is not None and remembered != account.spec.account_id:
        return accounts.changed(account, remembered)
    if (first := accounts.elder(account, context.objects.all(TargetAccount))) is not None:
        return accounts.taken(account, first)
    try:
        if not await is_allowed(context, account, namespace):
            return Failure(
                "NAMESPACE_NOT_ALLOWED",
                f"TargetAccount {name} does not allow namespace {namespace}; see what it asks for: kubectl get drta "
                f"{name} -o jsonpath={{.spec.allowedNamespaces}}, and label the namespace so: kubectl label namespace "
                f"{namespace} KEY=VALUE",
            )
        return account, await access_of(context, account)
    except ReadFailed as error:
        return Failure(error.code, error.message)


async def is_allowed(context: Context, account: TargetAccount, namespace: str, fresh: bool = False) -> bool:
    """Whether the account lets a namespace in, by its labels; `fresh`: as the API server has them now."""
    policy = account.spec.allowed_namespaces
    if policy.selector is None:
        return True
    return policy.admits(await context.cluster.namespace_labels(namespace, fresh))


def for_run(access: Access, execution_id: str) -> Access:
    """The same account under a session of the run's own name, so that AWS's audit trail tells the run."""
    return replace(access, session_name=execution_id)
