"""References in the docs exist: files, sections, settings, metrics, commands, alerts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from monitoring.telemetry.declarations import DECLARATIONS
from stream.__main__ import COMMANDS
from stream.settings import Settings, variable_of

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data/README.md"},
)
FOLDERS = (
    "agents|benchmarks|data|docs|examples|features|lake|model|monitoring|requirements|schemas"
    "|stream|tests"
)
OTHER_VARIABLES = {"LEADSCORE_CHAOS", "LEADSCORE_SOAK_MINUTES"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page as GitHub makes them of headings, and its own."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def named(page: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, page.read_text()))


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    dangling = set()
    for link in named(page, r"\]\((?!https?:|…)([^)\s]+)\)"):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dangling.add(link)

    assert dangling == set()


@every_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    names = named(page, rf"`((?:{FOLDERS})/[\w./-]+)`")

    assert {name for name in names if not (ROOT / name).exists()} == set()


@every_page
def test_settings_are_declared(page: Path) -> None:
    declared = {variable_of(name) for name in Settings.model_fields} | OTHER_VARIABLES
    names = {name for name in named(page, r"LEADSCORE_[A-Z_]+") if not name.endswith("_")}

    assert names - declared == set()


@every_page
def test_metrics_are_declared(page: Path) -> None:
    names = named(page, r"`(leadscore_[a-z_]+_[a-z]+)`")

    assert names - {metric.name for metric in DECLARATIONS} == set()


@every_page
def test_commands_exist(page: Path) -> None:
    names = named(page, r"(?:^|`|\./|bin/)leadscore ([a-z]+)\b(?![.:])")

    assert names - set(COMMANDS) == set()


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_of_none() -> None:
    groups = yaml.safe_load((ROOT / "monitoring/prometheus/alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    text = (ROOT / "docs/runbook.md").read_text()

    assert set(re.findall(r"^### (LeadScore\w+)$", text, re.MULTILINE)) == alerts


def test_every_decision_is_in_the_index_under_its_title() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text()
    for path in sorted(folder.glob("0*.md")):
        number, title = path.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert f"| [{number}]({path.name}) | {title} |" in index
