"""The runbooks: one for each reason that asks for something, in one form, and with commands that can work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drs_operator.api.reasons import REASONS
from tests.unit.api.reasons_in_code import ROOT
from tests.unit.api.runbook_commands import Line, Wrong, check, lines

DOCS = ROOT / "docs"
FOLDER = DOCS / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
BY_WORD = {entry.word: entry for entry in REASONS}
SECTIONS = ["What it means", "How to see it", "Why it happens", "What to do", "When it is over"]
WARNING = "What not to do"
LINES = 60
WIDTH = 120


def test_each_reason_that_asks_for_something_has_a_page_and_no_page_is_left_over() -> None:
    wanted = {entry.word for entry in REASONS if entry.has_runbook}
    have = {path.stem for path in PAGES}
    assert wanted - have == set(), "no runbook"
    assert have - set(BY_WORD) == set(), "a runbook of a reason that does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_form_that_a_person_at_night_expects(page: Path) -> None:
    text, entry = page.read_text(encoding="utf-8"), BY_WORD[page.stem]
    head = text.splitlines()
    assert head[0] == f"# {entry.word}"
    assert head[2].startswith(f"Code `{entry.code}` · " if entry.code else "[all reasons]")
    sections = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert sections in (SECTIONS, [*SECTIONS, WARNING])
    for _, body in re.findall(r"^## (.*)\n((?:(?!^## ).*\n?)*)", text, re.MULTILINE):
        assert body.strip(), "an empty section"
    assert len(head) < LINES
    assert text.count("```") % 2 == 0
    in_block = False
    for line in head:
        in_block ^= line.startswith("```")
        assert in_block or len(line) <= WIDTH, line


def _commands() -> list[tuple[str, Line]]:
    found = [(path.stem, line) for path in [*PAGES, INDEX] for line in lines(path.read_text(encoding="utf-8"))]
    for entry in REASONS:
        texts = re.findall(r"\b((?:aws|kubectl) [a-z][^;]*)", entry.first)
        found += [(f"first of {entry.word}", Line(text.rstrip("."))) for text in texts]
    return found


@pytest.mark.parametrize(("page", "line"), _commands(), ids=lambda value: getattr(value, "text", value)[:60])
def test_every_command_names_what_exists(page: str, line: Line) -> None:
    check(line)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("kubectl get drgp -n $NS", "no such kind"),
        ("kubectl fetch drpg", "no such verb"),
        ("kubectl get drpg $NAME -o jsonpath='{.status.server}'", "no such field"),
        ("kubectl get drpg $NAME -o jsonpath='{range .status.servers[*]}{.serverID}{end}'", "no such field of an item"),
        ("kubectl get drpg $NAME -o jsonpath='{.status.conditions[?(@.kind==\"Ready\")].message}'", "no such filter"),
        ("kubectl get drpg -o custom-columns=NAME:.spec.nam", "no such column"),
        ("kubectl get drpg -A --field-selector spec.suspend=true", "not selectable"),
        ("kubectl wait drpg/web --for=condition=Redy", "no such condition"),
        ("kubectl annotate drx/a drs-operator.io/stop=1", "no such command"),
        ('kubectl patch drta $NAME --type=merge -p \'{"spec":{"managementPolicy":"Off"}}\'', "no such value"),
        ('kubectl patch drpg $NAME --type=merge -p \'{"spec":{"suspended":true}}\'', "no such field in a patch"),
        ("kubectl explain drpg.spec.tags", "no such field to explain"),
        ("aws drs list-jobs --region $REGION", "no such operation"),
        ("aws drs describe-jobs --job drsjob-1", "no such parameter"),
        ("aws drs describe-jobs --filters since=2026-01-01", "no such filter key"),
        ("aws drs describe-jobs --query 'jobs[].jobID'", "no such field of the answer"),
        ("drs-operator repair-everything", "no such subcommand"),
        ("rm -rf /", "no command of the pages"),
    ],
)
def test_commands_that_cannot_work_are_found(text: str, because: str) -> None:
    with pytest.raises(Wrong):
        check(Line(text))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    missing = [t for t in targets if not t.startswith("http") and not (page.parent / t).resolve().exists()]
    assert missing == []
