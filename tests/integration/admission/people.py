"""Requests as somebody: a cluster admin, or a user with only the permissions that he was given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from drs_operator.api.v1alpha1 import API_VERSION, Resource, TargetAccount
from drs_operator.kube.client import MERGE_PATCH, path_of
from drs_sandbox.kube.control_plane import ControlPlane

Object = dict[str, Any]
NAMESPACE = "dr"
_WARNING = re.compile(r'299 - "(.*?)(?<!\\)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server answered."""

    status: int
    body: Object
    warnings: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return self.status < 300

    @property
    def message(self) -> str:
        """What a refused user reads; empty if the request was accepted."""
        return "" if self.accepted else str(self.body.get("message", ""))

    @property
    def annotations(self) -> dict[str, str]:
        """Of the object that was answered."""
        return dict(self.body["metadata"].get("annotations", {}))


class Person:
    """Somebody's requests about objects of one namespace. Nothing is stored unless `keep` says so."""

    def __init__(self, server: ControlPlane, user: str | None = None, namespace: str = NAMESPACE) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(ca_certs=str(server.authority), retries=False, timeout=10.0)
        self.user = user
        self.namespace = namespace

    def create(self, kind: type[Resource], name: str, spec: Object, *, keep: bool = False, **metadata: Any) -> Answer:
        body = {
            "apiVersion": API_VERSION,
            "kind": kind.definition.kind,
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
        return self.request("POST", path_of(kind, self._where(kind)), body, keep=keep)

    def edit(self, kind: type[Resource], name: str, spec: Object, *, keep: bool = False) -> Answer:
        return self.patch(kind, name, {"spec": spec}, keep=keep)

    def annotate(
        self, kind: type[Resource], name: str, keys: Mapping[str, str | None], *, keep: bool = False
    ) -> Answer:
        """Sets annotations; None takes one off."""
        return self.patch(kind, name, {"metadata": {"annotations": dict(keys)}}, keep=keep)

    def patch(self, kind: type[Resource], name: str, change: Object, *, keep: bool = False, sub: str = "") -> Answer:
        return self.request("PATCH", path_of(kind, self._where(kind), name, sub), change, keep=keep)

    def delete(self, kind: type[Resource], name: str, *, keep: bool = False) -> Answer:
        return self.request("DELETE", path_of(kind, self._where(kind), name), keep=keep)

    def get(self, kind: type[Resource], name: str) -> Answer:
        return self.request("GET", path_of(kind, self._where(kind), name), keep=True)

    def request(self, method: str, path: str, body: Object | None = None, *, keep: bool = False) -> Answer:
        """One request."""
        headers = {
            "Authorization": f"Bearer {self._server.token}",
            "Accept": "application/json",
            "Content-Type": MERGE_PATCH if method == "PATCH" else "application/json",
        }
        if self.user is not None:
            headers["Impersonate-User"] = self.user
        data = None if body is None else json.dumps(body).encode()
        url = f"{self._server.url}{path}" + ("" if keep else "?dryRun=All")
        answer = self._pool.request(method, url, headers=headers, body=data)
        warned = [text for header in answer.headers.getlist("Warning") for text in _WARNING.findall(header)]
        return Answer(answer.status, json.loads(answer.data), tuple(warned))

    def may(self, verb: str, resource: str, name: str = "", namespace: str | None = NAMESPACE) -> bool:
        """Whether RBAC lets this user do something; `resource` may have a subresource, `recoveryplans/status`."""
        plural, _, sub = resource.partition("/")
        asked = {
            "group": "drs-operator.io",
            "verb": verb,
            "resource": plural,
            "subresource": sub,
            "name": name,
            "namespace": namespace or "",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": self.user, "groups": ["system:authenticated"], "resourceAttributes": asked},
        }
        answer = self._server.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def _where(self, kind: type[Resource]) -> str | None:
        return None if kind is TargetAccount else self.namespace
