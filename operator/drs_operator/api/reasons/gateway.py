"""Codes that only the gateway answers."""

from drs_operator.api.reasons.record import GATEWAY as SEEN
from drs_operator.api.reasons.record import Area, Reason, coded
from drs_operator.api.v1alpha1.codes import Code

_MEANS = {
    Code.INVALID_INVOCATION: ("The request has no form that the gateway knows.", "Compare it with the API reference."),
    Code.INVALID_OPERATION: ("The gateway does not know the operation.", "Compare it with the API reference."),
    Code.VALIDATION_FAILED: ("The API server refused the object.", "Read the details: they are the API server's."),
    Code.AUTHORIZATION_FAILED: ("The caller may not do this.", "Have the permission granted in Kubernetes."),
    Code.EXECUTION_NO_WAVES: ("The execution has no waves yet.", "Ask again when it is validated."),
    Code.DELETE_FAILED: ("The object could not be deleted.", "Read the message: it says who still uses it."),
}

GATEWAY: tuple[Reason, ...] = tuple(
    coded(code, Area.GATEWAY, SEEN, means, first, missing="gateway") for code, (means, first) in _MEANS.items()
)
