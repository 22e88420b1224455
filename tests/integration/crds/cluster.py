"""What the tests do with the API server: create, change and read our objects, and keep what users would see."""

import json
from typing import Any

from kubernetes import client, config

from drs_operator.api.crd import crd
from drs_operator.api.v1alpha1 import GROUP, KINDS, VERSION, Resource
from drs_sandbox.kube.control_plane import ControlPlane

NAMESPACE = "default"
LIFTED_GROUP = f"lifted.{GROUP}"
"""The same kinds without the NOT_AVAILABLE rules, so that the rules behind them are tested as well."""

BY_KIND: dict[str, type[Resource]] = {kind.definition.kind: kind for kind in KINDS}

Object = dict[str, Any]


class Refused(Exception):
    """The API server's refusal; the text is the message that a user sees."""


class Cluster:
    """The API server with both sets of CRDs installed."""

    def __init__(self, server: ControlPlane) -> None:
        self.server = server
        self._client = config.new_client_from_config(str(server.kubeconfig))

    def install(self) -> None:
        """Creates the CRDs and waits until the API server serves all of them."""
        extensions = client.ApiextensionsV1Api(self._client)
        names = []
        for kind in KINDS:
            for document in (crd(kind), in_group(crd(kind, lift_not_available=True), LIFTED_GROUP)):
                extensions.create_custom_resource_definition(document)
                names.append(document["metadata"]["name"])
        crds = [f"crd/{name}" for name in names]
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)

    def create(self, kind: str, spec: Object, *, lifted: bool = False, dry_run: bool = True, **fields: Any) -> Object:
        """Creates an object as given, and returns it as stored. Raises Refused."""
        group = LIFTED_GROUP if lifted else GROUP
        body = {"apiVersion": f"{group}/{VERSION}", "kind": kind, "metadata": {"name": "test"}, "spec": spec, **fields}
        return self._call("POST", self._path(kind, group), body, dry_run)

    def change(self, kind: str, name: str, patch: Object, *, lifted: bool = False, dry_run: bool = True) -> Object:
        """Merges `patch` into an object; null removes a field. Raises Refused."""
        path = self._path(kind, LIFTED_GROUP if lifted else GROUP, name)
        return self._call("PATCH", path, patch, dry_run)

    def change_status(self, kind: str, name: str, status: Object, *, lifted: bool = False) -> Object:
        """Merges into the status, as the operator would. Raises Refused."""
        path = self._path(kind, LIFTED_GROUP if lifted else GROUP, name)
        return self._call("PATCH", f"{path}/status", {"status": status}, False)

    def delete(self, kind: str, name: str, *, lifted: bool = False) -> None:
        """Deletes an object. Raises Refused."""
        self._call("DELETE", self._path(kind, LIFTED_GROUP if lifted else GROUP, name), None, False)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints; an error of it is Refused with what it printed."""
        done = self.server.kubectl(*arguments, stdin=stdin, check=False)
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def _path(self, kind: str, group: str, name: str = "") -> str:
        definition = BY_KIND[kind].definition
        scope = f"/namespaces/{NAMESPACE}" if definition.scope == "Namespaced" else ""
        return f"/apis/{group}/{VERSION}{scope}/{definition.plural}" + (f"/{name}" if name else "")

    def _call(self, method: str, path: str, body: Object | None, dry_run: bool) -> Object:
        settings = self._client.configuration
        query = "fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        headers = {
            "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
            "Accept": "application/json",
            "Authorization": settings.get_api_key_with_prefix("BearerToken"),
        }
        answer = self._client.rest_client.request(method, f"{settings.host}{path}?{query}", headers=headers, body=body)
        content: Object = json.loads(answer.read())
        if not 200 <= answer.status < 300:
            raise Refused(content["message"])
        return content


def in_group(document: Object, group: str) -> Object:
    """The CRD under another API group."""
    document["spec"]["group"] = group
    document["metadata"]["name"] = f"{document['spec']['names']['plural']}.{group}"
    return document
