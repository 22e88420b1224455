"""The folder that built programs are kept in, and the locks that let two runs share it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def cache_folder(environment: Mapping[str, str]) -> Path:
    """``DRS_SANDBOX_CACHE``, else ``drs-sandbox`` in the user's cache folder (XDG)."""
    if own := environment.get("DRS_SANDBOX_CACHE"):
        return Path(own).absolute()
    xdg = environment.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    base = Path(xdg) if os.path.isabs(xdg) else Path(environment.get("HOME") or Path.home()) / ".cache"
    return base / "drs-sandbox"


def content_key(*parts: bytes) -> str:
    """16 hexadecimal digits that change with any of ``parts``, and with where one ends and the next begins."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Holds the lock file ``path`` (``flock``: it is free again however its holder ends).

    ``on_wait`` is called once if somebody else has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def into_place(target: Path) -> Iterator[Path]:
    """A new empty folder that becomes ``target`` in one step when the block ends well, and is removed otherwise.

    Call it under a lock, and only while ``target`` is not there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target, ".part")
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        yield part
        part.chmod(0o755)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def remove_tree(folder: Path) -> None:
    """Removes a folder as fast as it looks: Go's caches have 100,000 files, so nobody shall see it half gone."""
    if folder.exists():
        folder.rename(folder.with_name(f".{folder.name}.{os.getpid()}.gone"))
    _sweep(folder, ".gone")


def _sweep(target: Path, suffix: str) -> None:
    """Removes what runs that were killed left beside ``target``. Its lock is ours, so nobody is at it."""
    for left in target.parent.glob(f".{target.name}.*{suffix}"):
        shutil.rmtree(left, ignore_errors=True)
