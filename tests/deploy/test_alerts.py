"""What wakes someone: rules that Prometheus can read, about metrics that exist, each with its page of the runbook."""

import importlib
import pkgutil
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import promql_parser
import pytest
import typer
import yaml
from prometheus_client import REGISTRY

import services
from cli.main import app

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = _ROOT / "docs/runbook"
# Told by PostgreSQL's and the machine's own exporters, not by us.
_EXPORTERS = {"pg_stat_archiver_last_archive_age", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
_PROCEDURES = {"backup-and-restore.md"}  # what is done without being woken
_COMMAND = re.compile(r"`(doorstep [^`]*)`")


class Alert(NamedTuple):
    """One rule."""

    name: str
    expr: str
    page: str
    summary: str


def _alerts() -> list[Alert]:
    groups = yaml.safe_load((_ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    return [
        Alert(rule["alert"], rule["expr"], rule["annotations"]["runbook"], rule["annotations"]["summary"])
        for group in groups
        for rule in group["rules"]
    ]


ALERTS = _alerts()


def _metrics_of(node: object) -> set[str]:
    """Walk an expression for the names of the metrics it reads."""
    if isinstance(node, promql_parser.VectorSelector):
        return {str(node.name)}
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "vs")]
    parts += list(getattr(node, "args", None) or [])
    return set().union(*(_metrics_of(part) for part in parts if part is not None))


def _told() -> set[str]:
    """Name all samples that our processes can tell."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    names = {family.name: family.type for family in REGISTRY.collect()}
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {name + ending for name, kind in names.items() for ending in endings.get(kind, ("",))}


def _command_exists(line: str) -> bool:
    """Say whether a command line's verbs lead to a command."""
    found: object = typer.main.get_command(app)
    for word in shlex.split(line)[1:]:
        commands = getattr(found, "commands", {})
        if not commands:
            break
        if word not in commands:
            return False
        found = commands[word]
    return not getattr(found, "commands", {})


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_reads_metrics_that_some_process_tells(alert: Alert) -> None:
    read = _metrics_of(promql_parser.parse(alert.expr))

    assert read, "the expression reads no metric"
    assert read - _EXPORTERS <= _told()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_has_a_page_that_says_what_it_means_where_to_look_and_what_to_do(alert: Alert) -> None:
    page = (_ROOT / alert.page).read_text()

    assert page.startswith(f"# {alert.name}: ")
    assert [word in page for word in ("**Meaning.** ", "**Look.** ", "**Act.** ")] == [True] * 3


def test_every_page_of_an_alert_is_some_alerts() -> None:
    told = {alert.page for alert in ALERTS}
    pages = {str(path.relative_to(_ROOT)) for path in _PAGES.glob("*.md") if path.name not in _PROCEDURES}
    assert pages == told


@pytest.mark.parametrize("page", sorted(_PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    commands = _COMMAND.findall(page.read_text())

    assert [line for line in commands if len(shlex.split(line)) > 1 and not _command_exists(line)] == []
