"""Which namespaces may use a TargetAccount."""

from __future__ import annotations

from collections.abc import Mapping

from drs_operator.api.v1alpha1.selectors import LabelSelector, SelectorOperator
from drs_operator.api.v1alpha1.targetaccount import AllowedNamespaces


def allowed(policy: AllowedNamespaces, labels: Mapping[str, str]) -> bool:
    """Whether a namespace with these labels may point a ProtectionGroup at the account."""
    return policy.selector is None or selects(policy.selector, labels)


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Kubernetes' label selector: every matchLabel and every expression must hold."""
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    for requirement in selector.match_expressions:
        present, value = requirement.key in labels, labels.get(requirement.key)
        match requirement.operator:
            case SelectorOperator.IN:
                holds = value in requirement.values
            case SelectorOperator.NOT_IN:
                holds = value not in requirement.values
            case SelectorOperator.EXISTS:
                holds = present
            case SelectorOperator.DOES_NOT_EXIST:
                holds = not present
        if not holds:
            return False
    return True
