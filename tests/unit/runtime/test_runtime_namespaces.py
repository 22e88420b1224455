"""Labels of namespaces: what the watch brings, and who is told of it."""

from __future__ import annotations

from typing import Any

from drs_operator.runtime.namespaces import Namespaces


class Watched:
    """Labels, and of which namespaces somebody was told."""

    def __init__(self) -> None:
        self.namespaces = Namespaces()
        self.told: list[str] = []
        self.namespaces.on_change(self.told.append)

    def see(self, version: int, uid: str = "u1", gone: bool = False, **labels: str) -> None:
        """An event about namespace `dr`."""
        self.namespaces.observe(raw(version, uid, labels), gone)


def raw(version: int, uid: str, labels: dict[str, str] | None) -> dict[str, Any]:
    return {"metadata": {"name": "dr", "uid": uid, "resourceVersion": str(version), "labels": labels}}


def test_labels_that_are_new_or_different_are_told() -> None:
    watched = Watched()
    assert watched.namespaces.labels("dr") is None, "not brought yet: whoever needs them reads"
    watched.see(1, tenant="payments")
    watched.see(2, tenant="web")
    assert watched.namespaces.labels("dr") == {"tenant": "web"}
    assert watched.told == ["dr", "dr"]


def test_what_changes_besides_labels_is_not_told() -> None:
    """Annotations and the status of a namespace change for many reasons."""
    watched = Watched()
    watched.see(1, tenant="payments")
    watched.see(2, tenant="payments")
    watched.see(3, tenant="payments")
    assert watched.told == ["dr"]


def test_an_older_event_is_ignored() -> None:
    watched = Watched()
    watched.see(10, tenant="web")
    watched.see(9, tenant="payments")
    assert watched.namespaces.labels("dr") == {"tenant": "web"}


def test_a_namespace_that_is_gone_is_told_and_one_made_anew_is_another() -> None:
    watched = Watched()
    watched.see(1, uid="old", tenant="payments")
    watched.see(5, uid="new", tenant="web")
    watched.see(4, uid="old", gone=True, tenant="payments")
    assert watched.namespaces.labels("dr") == {"tenant": "web"}, "the end of the old one is not the end of the new one"
    watched.see(6, uid="new", gone=True)
    assert watched.namespaces.labels("dr") is None
    assert watched.told == ["dr", "dr", "dr"]


def test_a_namespace_without_labels_has_none() -> None:
    watched = Watched()
    watched.namespaces.observe(raw(1, "u1", None), gone=False)
    assert watched.namespaces.labels("dr") == {}


def test_nobody_can_change_what_is_kept() -> None:
    watched = Watched()
    watched.see(1, tenant="payments")
    labels = watched.namespaces.labels("dr")
    assert labels is not None
    labels["tenant"] = "web"
    assert watched.namespaces.labels("dr") == {"tenant": "payments"}
