"""What was answered at the services' doors, a line of a file each, and whether each service still says the same."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import JsonValue

from cli.bots.door import Acknowledged
from deploy.local import names
from deploy.local.stack import LocalStack
from tests.faults.lines import Lines
from tests.faults.look import rows

_KEPT = "select scope, key, status, body from idempotency where key = any($1::text[])"
_OK, _ACCEPTED, _NO_CONTENT = 200, 202, 204


@dataclass(frozen=True)
class Answer:
    """An act that was acknowledged, and a digest of what was answered."""

    service: str
    route: str
    key: str
    status: int
    digest: str

    def __str__(self) -> str:
        return f"{self.service} {self.route} ({self.key}) was answered {self.status}"


class Answers:
    """What floor, dock and care were answered: scans, packs, labels, hand-overs, remedies, returns.

    A service keeps its answers for seven days of real time, and no run is as long.
    """

    def __init__(self, file: Path) -> None:
        self._lines = Lines(file, Answer)
        self._dumped: dict[str, int] = {}

    def note(self, act: Acknowledged) -> None:
        """Append a line; a label that is still being bought is asked for again, and promises nothing."""
        if act.status == _ACCEPTED and act.route.endswith("/label"):
            return
        self._lines.add(Answer(act.service, act.route, act.key, act.status, _digest(act.answer)))

    def entries(self) -> list[Answer]:
        """Read all that was answered by services, in its order."""
        return [answer for answer in self._lines.entries() if answer.service in names.SERVICES]

    def dumped(self, service: str) -> None:
        """Note that a service is dumped now, while nobody acts at its door."""
        self._dumped[service] = sum(answer.service == service for answer in self.entries())

    def restored(self) -> None:
        """Forget what each service has answered since its own dump, which its restored database cannot know."""
        kept: list[Answer] = []
        seen: dict[str, int] = defaultdict(int)
        for answer in self.entries():
            seen[answer.service] += 1
            if seen[answer.service] <= self._dumped[answer.service]:
                kept.append(answer)
        self._lines.keep(kept)

    async def lost(self, stack: LocalStack) -> list[str]:
        """Say what the services that answered it know nothing of, or would answer otherwise if asked again."""
        lost: list[str] = []
        for service in names.SERVICES:
            mine = [answer for answer in self.entries() if answer.service == service]
            kept: dict[str, list[asyncpg.Record]] = defaultdict(list)
            for row in await rows(stack, service, _KEPT, [answer.key for answer in mine]):
                kept[row["key"]].append(row)
            lost += [f"{answer}, and is not kept so" for answer in mine if not _is_kept(answer, kept[answer.key])]
        return lost


def _is_kept(answer: Answer, kept: list[asyncpg.Record]) -> bool:
    return any(
        row["scope"].endswith(f" {answer.route}")
        and (_sent(row["status"], row["body"]), _digest(row["body"])) == (answer.status, answer.digest)
        for row in kept
    )


def _sent(status: int, body: JsonValue) -> int:
    """Give the status with which a kept answer is sent, see shared.doors.send."""
    return _NO_CONTENT if body is None and status == _OK else status


def _digest(answer: JsonValue) -> str:
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()[:16]
