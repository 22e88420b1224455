"""Executables made for one test: shell scripts that answer like the programs they stand for."""

from __future__ import annotations

from pathlib import Path

GO_FILES = {
    "etcd": "module x\n\ngo 1.26.0\n\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.7.3 // indirect\n)\n",
    "kube": "module x\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.36.3 // indirect\n)\n",
    "helm": "module x\n\ngo 1.26.0\n\nrequire (\n\thelm.sh/helm/v4 v4.2.4 // indirect\n)\n",
    "kubeconform": "module x\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/yannh/kubeconform v0.7.0 // indirect\n)\n",
}


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def tools_folder(path: Path) -> Path:
    """A ``tools/`` with small go.mod files of the real shape."""
    for family, content in GO_FILES.items():
        (path / family).mkdir(parents=True)
        (path / family / "go.mod").write_text(content)
        (path / family / "go.sum").write_text(f"{family} h1:0\n")
    return path


def fake_go(path: Path, *, version: str = "go1.26.8", build: str = "") -> Path:
    """A ``go`` that writes a line of its command for each call to ``go.calls`` beside it, and builds small scripts.

    ``build`` is shell that runs before the result is written.
    """
    return executable(
        path,
        f"""
case "$1" in
env) echo {version}; exit 0 ;;
esac
echo "$@" >> {path.parent}/go.calls
case "$1" in
list) printf 'one\\ntwo\\nthree\\n' ;;
build)
    {build or ":"}
    echo one >&2
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho built\\n' > "$2"
    chmod 755 "$2" ;;
esac
""",
    )


def go_calls(go: Path) -> list[str]:
    """The commands that a fake go was called with."""
    file = go.parent / "go.calls"
    return file.read_text().splitlines() if file.exists() else []
