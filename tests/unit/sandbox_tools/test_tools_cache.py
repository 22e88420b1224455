from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from drs_sandbox.toolchain.cache import cache_folder, content_key, into_place, locked, remove_tree

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("environment", "want", "because"),
    [
        ({"DRS_SANDBOX_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c", "its own variable first"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/drs-sandbox", "then XDG"),
        ({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/drs-sandbox", "a relative XDG path is to be ignored"),
        ({"HOME": "/h"}, "/h/.cache/drs-sandbox", "XDG's default"),
    ],
)
def test_where_the_cache_is(environment: Mapping[str, str], want: str, because: str) -> None:
    assert cache_folder(environment) == Path(want), because


def test_key_changes_with_each_part_and_their_borders() -> None:
    keys = [content_key(*parts) for parts in [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"ab", b"d")]]
    assert len(set(keys)) == 4
    assert content_key(b"ab", b"c") == keys[0]


def test_folder_comes_into_place_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with into_place(target) as part:
        (part / "file").write_text("x")
        assert not target.exists()
    assert (target / "file").read_text() == "x"


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with into_place(tmp_path / "target") as part:
            (part / "file").write_text("x")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    for left in (".target.abc.part", ".target.123.gone", ".other.abc.part"):
        (tmp_path / left / "sub").mkdir(parents=True)
    with into_place(tmp_path / "target"):
        pass
    remove_tree(tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == [".other.abc.part"]


def test_lock_waits_for_another_process_and_says_so(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "x.lock"
    lock.parent.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []

        def on_wait() -> None:
            said.append("waiting")
            holder.communicate()  # closes its stdin: it ends, and the lock with it

        with locked(lock, on_wait):
            assert said == ["waiting"]


def test_free_lock_says_nothing(tmp_path: Path) -> None:
    def on_wait() -> None:
        raise AssertionError("nobody holds it")

    for _ in range(2):
        with locked(tmp_path / "x.lock", on_wait):
            pass


def test_tree_is_removed(tmp_path: Path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []
