"""What all kinds share: object metadata, common status, references, and how a kind is called."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.conditions import Conditions
from drs_operator.api.v1alpha1.fields import MAP_TYPE, Keywords, ObjectName, Time, clipped, doc, number, text

GROUP = "drs-operator.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class ObjectMeta(ApiModel):
    """The part of an object's metadata that the operator reads."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; a wide one is shown with `-o wide` only."""

    name: str
    path: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """Names, scope and presentation of a kind, as its CRD states them."""

    kind: str
    plural: str
    short_name: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...]
    selectable_fields: tuple[str, ...] = ()
    max_name_length: int = 63


READY_COLUMN = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
MESSAGE_COLUMN = Column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True)
AGE_COLUMN = Column("Age", ".metadata.creationTimestamp", "date")


class ResourceStatus(ApiModel):
    """What every kind's status has."""

    observed_generation: Annotated[
        int,
        number(-1),
        doc(
            "The metadata.generation that this status describes; -1 until the operator has seen the object. "
            "Written by the operator, also after a failure."
        ),
    ] = -1
    last_handled_reconcile: Annotated[
        str | None,
        clipped(256),
        text(256),
        doc(
            "The value of the annotation drs-operator.io/reconcile that was handled last; equal values mean that the "
            "request was served."
        ),
    ] = None
    conditions: Annotated[
        Conditions,
        doc("The state of the object, one entry for each aspect; Ready sums it up."),
    ] = []


class Resource(ApiModel):
    """The root of a custom resource. Items of a list carry neither apiVersion nor kind; the defaults fill them."""

    definition: ClassVar[Definition]

    api_version: str = API_VERSION
    kind: str
    metadata: ObjectMeta
    spec: ApiModel
    status: ResourceStatus


class LocalReference(ApiModel):
    """Names an object of another kind, in the same namespace or cluster-scoped."""

    name: Annotated[ObjectName, doc("metadata.name of the object. Required.")]


REFERENCE = Keywords({MAP_TYPE: "atomic"})
