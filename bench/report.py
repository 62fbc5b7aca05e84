"""What a run found, as a table on the screen, as JSON in bench/results, and as docs/performance.md with its charts."""

import json
from pathlib import Path

from bench import charts, versions
from bench.figures import median, spread
from bench.page import CHARTS, replace
from bench.run import Outcome
from deploy.local.site import REPOSITORY
from shared import clock

RESULTS = REPOSITORY / "bench" / "results"
BUSY = 0.1


def show(outcome: Outcome) -> str:
    """Give the table as text, line by line, with every reason."""
    said = [f"{outcome.plan.name} run of {outcome.seconds:.0f} s; {versions.in_words(outcome.machine)}"]
    said += [f"limit ({name}) {_limit(values)}" for name, values in sorted(outcome.limits.items())]
    if outcome.busy_before > BUSY:
        said.append(f"NOTE: {_busy(outcome)}")
    for line in outcome.lines:
        value = f"{line.result.value:.3g}" if line.result else "-"
        figure = line.result.figure if line.result else "-"
        said.append(f"{line.verdict:12}  {line.row.what}")
        said.append(f"{'':12}  target {line.row.target}, measured {value}: {figure}; spread {line.spread}")
        said += [f"{'':12}  {sentence}" for sentence in line.explain()]
    passed = sum(line.verdict == "pass" for line in outcome.lines)
    said.append(f"{passed} of {len(outcome.lines)} lines reach their target")
    return "\n".join(said)


def save(outcome: Outcome) -> Path:
    """Write the results file; gives its path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{outcome.plan.name}.json"
    document = {
        "at": clock.real().isoformat(timespec="seconds"),
        "command": command_of(outcome),
        "seconds": round(outcome.seconds),
        "busy_before": round(outcome.busy_before, 3),
        "machine": dict(outcome.machine),
        "limits": {name: [round(value, 1) for value in values] for name, values in outcome.limits.items()},
        "lines": [line.as_json() for line in outcome.lines],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_page(outcome: Outcome) -> None:
    """Put table and charts between the marks of docs/performance.md; the words around them are kept."""
    CHARTS.mkdir(parents=True, exist_ok=True)
    (CHARTS / "targets.svg").write_text(charts.targets(outcome.lines), encoding="utf-8")
    costs = charts.costs(outcome.lines)
    if costs:
        (CHARTS / "cpu.svg").write_text(costs, encoding="utf-8")
    replace("figures", _figures(outcome))


def _figures(outcome: Outcome) -> str:
    at, machine = clock.real().date().isoformat(), versions.in_words(outcome.machine)
    said = [
        f"`{command_of(outcome)}` on {at}: {machine}; {outcome.busy_before:.0%} busy before.",
        *([f"\n**{_busy(outcome)}**"] if outcome.busy_before > BUSY else []),
        "",
        *[f"- limit ({name}): {_limit(values)}" for name, values in sorted(outcome.limits.items())],
        "",
        "| what | target | measured | figure | spread | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line in outcome.lines:
        value = f"{line.result.value:.3g}" if line.result else "-"
        figure = line.result.figure if line.result else "-"
        said.append(f"| {line.row.what} | {line.row.target} | {value} | {figure} | {line.spread} | {line.verdict} |")
    said.append("")
    for line in outcome.lines:
        sentences = line.explain()
        if sentences:
            said.append(f"- **{line.row.what}**: {'; '.join(sentences)}.")
    said += ["", "![Each line against its target](performance/targets.svg)"]
    said += ["", "![Processor time per order and process](performance/cpu.svg)"]
    return "\n".join(said)


def _busy(outcome: Outcome) -> str:
    return f"{outcome.busy_before:.0%} of the processors were busy before: the figures say little"


def _limit(values: list[float]) -> str:
    return f"{median(values):,.0f}/s, spread {spread(values):.0%} of {len(values)} cells"


def command_of(outcome: Outcome) -> str:
    """Give the command that made this."""
    return "make bench-full" if outcome.plan.name == "full" else "make bench"
