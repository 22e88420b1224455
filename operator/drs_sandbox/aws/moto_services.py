"""The services that moto simulates: EC2, IAM, SSM, SNS, CloudWatch, and DynamoDB where DynamoDB Local is missing."""

from __future__ import annotations

from urllib.parse import urlsplit

from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from drs_sandbox.aws.answers import Answer, AwsError, with_request_id
from drs_sandbox.aws.sessions import Caller
from drs_sandbox.aws.sts import Role
from drs_sandbox.aws.wire import Operation, Request

_PARTITION = "aws"


class MotoServices:
    """moto's server in this process, told in which account each call acts. Called under the clock's lock."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)

    def answer(self, operation: Operation, request: Request, account: str) -> Answer:
        """Answers a call in an account. Raises AwsError for what moto has not."""
        split = urlsplit(request.target)
        # Without the user agent, in which moto would look for a Region before it looks at the signature.
        headers = [(name, value) for name, value in request.headers.items() if name.lower() != "user-agent"]
        environ = EnvironBuilder(
            method=request.method,
            path=split.path,
            query_string=split.query,
            headers=[*headers, ("X-Moto-Account-Id", account)],
            data=request.body,
        ).get_environ()
        try:
            response = Response.from_app(self._application, environ)
        except NotImplementedError:
            raise AwsError("NotImplemented", f"{operation.service} {operation.name} is not simulated", 501) from None
        return with_request_id(response.status_code, dict(response.headers), response.get_data())


def find_role(account: str, name: str) -> Role | None:
    """A role in moto's IAM."""
    for role in iam_backends[account][_PARTITION].roles.values():
        if role.name == name:
            policy = role.assume_role_policy_document
            return Role(role.arn, role.id, policy, int(role.max_session_duration or 3600))
    return None


def find_access_key(access_key_id: str) -> Caller | None:
    """The owner of an access key that was made with IAM."""
    for account, partitions in list(iam_backends.items()):
        backend = partitions[_PARTITION]
        key = backend.access_keys.get(access_key_id)
        user = backend.users.get(key.user_name) if key is not None and key.status == "Active" else None
        if key is not None and user is not None:
            return Caller(access_key_id, key.secret_access_key, account, user.arn, user.id)
    return None
