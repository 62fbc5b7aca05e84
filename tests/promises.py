"""The security lines that Doorstep promises, and the table of the tests that prove each."""

from collections import defaultdict
from collections.abc import Iterable

import pytest

PROPERTY = "security line"
LINES = {
    1: "what is another tenant's or another role's does not exist for a caller, on every route",
    2: "every route declares a scope, and a caller without it gets 403",
    3: "tokens: one algorithm; issuer, audience and times checked; keys rotate; confusion refused",
    4: "API keys: 256 bits, stored as prefix and hash, expire, end within 60 s of revocation, shown once",
    5: "unknown fields get 422; every answer has a model",
    6: "limits on bodies, lines, pages, pictures and statements: 413, 422 or 503, never a hang",
    7: "rates by key and route, tighter at sign-in, a quota on unpaid orders: 429 and Retry-After",
    8: "idempotency keys are a storefront's and a route's own",
    9: "webhooks: in, signed, constant time, deduplicated; out, signed, rotated, bounded, public addresses only",
    10: "a database role per service without DDL, another migrates; Kafka speaks TLS and SASL when told to",
    11: "personal data stays where it belongs; events carry none",
    12: "logs hold allow-listed fields and no secret, e-mail or address; no answer holds a stack trace",
    13: "default secrets are refused outside the local stack; secret scan and audit of dependencies in CI",
    14: "console: CSRF token, strict cookies, CSP, autoescape; overrides leave audit rows nobody can change",
}


def note(item: pytest.Item) -> None:
    """Write beside a test which lines it proves, so that its report tells the controlling process."""
    for mark in item.iter_markers("security"):
        for line in mark.args:
            if line not in LINES:
                raise pytest.UsageError(f"{item.nodeid} proves line {line!r}, which is none")
            item.user_properties.append((PROPERTY, line))


class Table:
    """Gathers the reports of all processes and prints one row a line; a line nobody proves fails the session."""

    def __init__(self) -> None:
        self._outcomes: dict[int, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, line in report.user_properties:
            if name == PROPERTY and isinstance(line, int):
                self._note(line, report)

    def _note(self, line: int, report: pytest.TestReport) -> None:
        seen = self._outcomes[line]
        if report.failed:
            seen[report.nodeid] = "failed"
        elif report.when == "call":
            seen.setdefault(report.nodeid, report.outcome)
        elif report.skipped:
            seen.setdefault(report.nodeid, "skipped")

    def rows(self) -> Iterable[tuple[int, int, int, str]]:
        """Give line, tests that passed, tests that did not, and the promise."""
        for line, promise in LINES.items():
            outcomes = [*self._outcomes[line].values()]
            passed = outcomes.count("passed")
            yield line, passed, len(outcomes) - passed, promise

    @property
    def is_proven(self) -> bool:
        """Whether each line has tests and all of them passed."""
        return all(passed and not others for _, passed, others, _ in self.rows())

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self.is_proven and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("security: what is promised, and the tests that prove it")
        terminalreporter.line(f"{'line':>4} {'tests':>6} {'passed':>7} {'failed':>7}  promise")
        for line, passed, others, promise in self.rows():
            verdict = "" if passed and not others else "  NOT PROVEN"
            terminalreporter.line(f"{line:>4} {passed + others:>6} {passed:>7} {others:>7}  {promise}{verdict}")
