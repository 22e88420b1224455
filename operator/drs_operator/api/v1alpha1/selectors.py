"""A label selector with the meaning that Kubernetes gives it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.fields import Rule, doc, entries, items, text

LabelKey = Annotated[str, text(317, min_length=1)]
LabelValue = Annotated[str, text(63)]


class SelectorOperator(StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelRequirement(ApiModel):
    """One requirement on a label."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            "In and NotIn need values, Exists and DoesNotExist have none; correct operator or values",
        ),
    )

    key: Annotated[LabelKey, doc("Key of the label. Required.")]
    operator: Annotated[SelectorOperator, doc("How the label is compared with values. Required.")]
    values: Annotated[
        list[LabelValue],
        items(32, list_type="set"),
        doc("Values to compare with: required for In and NotIn, left out for Exists and DoesNotExist."),
    ] = []

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet this requirement; NotIn is met by an absent label."""
        match self.operator:
            case SelectorOperator.IN:
                return labels.get(self.key) in self.values
            case SelectorOperator.NOT_IN:
                return labels.get(self.key) not in self.values
            case SelectorOperator.EXISTS:
                return self.key in labels
            case SelectorOperator.DOES_NOT_EXIST:
                return self.key not in labels


class LabelSelector(ApiModel):
    """Selects by labels; all requirements must be met. An empty selector is refused: it would select everything."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "(has(self.matchLabels) && size(self.matchLabels) > 0)"
            " || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
            "the selector is empty; name labels, or use from: All to admit every namespace",
        ),
    )

    match_labels: Annotated[
        dict[str, LabelValue], entries(16), doc("Labels that must be there with exactly these values.")
    ] = {}
    match_expressions: Annotated[
        list[LabelRequirement], items(16), doc("Further requirements on labels; all must be met.")
    ] = []

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet every requirement."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )
