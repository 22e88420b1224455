"""Pages of a list, with tokens that stand for a place in it: what comes or goes meanwhile moves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from drs_sandbox.drs.errors import validation_error

DEFAULT_PAGE = 200
LARGEST_PAGE = 1000

T = TypeVar("T")


def page(
    operation: str,
    parameters: Mapping[str, Any],
    rows: Sequence[T],
    place: Callable[[T], int],
    show: Callable[[T], dict[str, Any]],
    *,
    result: str = "items",
    newest_first: bool = False,
) -> dict[str, Any]:
    """One page of `rows` as a response: `{result: […], nextToken?}`.

    `rows` are sorted by `place`, a number that each row keeps for ever: falling with `newest_first`, else rising.
    Raises a ValidationException for a token of another list or of nobody.
    """
    size = min(int(parameters.get("maxResults", DEFAULT_PAGE)), LARGEST_PAGE)
    digest = _digest(operation, parameters)
    token = parameters.get("nextToken")
    if token:
        after = _place_of(token, digest)
        rows = [row for row in rows if (place(row) < after if newest_first else place(row) > after)]
    response: dict[str, Any] = {result: [show(row) for row in rows[:size]]}
    if len(rows) > size:
        response["nextToken"] = _token(place(rows[size - 1]), digest)
    return response


def _digest(operation: str, parameters: Mapping[str, Any]) -> str:
    """What a token belongs to: the operation and everything in the request but the paging itself."""
    asked = {name: value for name, value in parameters.items() if name not in ("nextToken", "maxResults")}
    return sha256(json.dumps([operation, asked], sort_keys=True).encode()).hexdigest()[:16]


def _token(place: int, digest: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, place]).encode()).decode()


def _place_of(token: str, digest: str) -> int:
    try:
        owner, place = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):  # not base64, not JSON, or not a pair
        raise _refused("is not one that this API gave out") from None
    if owner != digest or not isinstance(place, int):
        raise _refused("belongs to a request with other parameters")
    return place


def _refused(what: str) -> Exception:
    return validation_error(f"Invalid nextToken: it {what}", [("nextToken", f"The token {what}")])
