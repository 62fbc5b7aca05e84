"""The care agent bot, and the lead who approves: they work the queue as people would, by each case's suggestions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cli.bots.door import Door, Refused, key_of
from shared import clock

_ACTIVE = ("open", "in_progress", "waiting_customer", "waiting_carrier", "waiting_warehouse", "waiting_approval")
_NEW_DATE_AFTER = timedelta(days=6)
_PAGE = 100
# Parcels that still move may end well: the agent gives them time before another remedy.
_LET_IT_MOVE = frozenset(
    {"stalled", "no_first_scan", "transit_risk", "fulfilment_overdue", "preship_risk", "stuck_flow"}
)


class Read(BaseModel):
    """A part of an answer the bot reads; what it does not need is ignored."""

    model_config = ConfigDict(extra="ignore")


class Suggestion(Read):
    """A ranked remedy."""

    remedy: str


class Remedy(Read):
    """A remedy and how it stands."""

    id: UUID
    kind: str
    state: str


class Case(Read):
    """A case as the queue shows it."""

    id: UUID
    number: str
    order_id: UUID
    kind: str
    state: str
    version: int


class CaseDetail(Case):
    """A case with what is needed to decide."""

    remedies: list[Remedy] = []
    suggestions: list[Suggestion] = []


class CasePage(Read):
    """A page of cases."""

    data: list[Case]
    next_cursor: str | None = None


class RemedyPage(Read):
    """Remedies."""

    data: list[Remedy]


@dataclass(slots=True)
class AgentBot:
    """One agent, and one lead as the other pair of eyes."""

    agent: Door
    lead: Door
    wishes: dict[UUID, str] = field(default_factory=dict)
    """The remedy a customer asks for once there is a case, by order."""
    seen: dict[UUID, tuple[int, datetime]] = field(default_factory=dict)
    granted: int = 0
    approved: int = 0
    resolved: int = 0

    async def work(self) -> None:
        """Serve every case that changed since it was last looked at; then the lead decides what waits."""
        for case in sorted(await self.active_cases(), key=lambda case: case.number):
            version, at = self.seen.get(case.id, (0, datetime.min.replace(tzinfo=clock.now().tzinfo)))
            if case.version != version or clock.now() - at > timedelta(days=1):
                await self._serve(case)
        await self._approve()

    async def active_cases(self) -> list[Case]:
        """Give all cases that have not ended."""
        found: list[Case] = []
        cursor: str | None = None
        states = "&".join(f"state={state}" for state in _ACTIVE)
        while True:
            tail = f"&cursor={cursor}" if cursor else ""
            page = await self.agent.get(f"/staff/cases?{states}&limit={_PAGE}{tail}", CasePage)
            found.extend(page.data)
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def orders_with_open_case(self) -> set[UUID]:
        """Give the orders somebody works on."""
        return {case.order_id for case in await self.active_cases()}

    def has_work(self, cases: Sequence[Case]) -> bool:
        """Say whether one of these cases changed since it was last looked at."""
        return any(self.seen.get(case.id, (0, None))[0] != case.version for case in cases)

    async def _serve(self, case: Case) -> None:
        detail = await self.agent.get(f"/staff/cases/{case.id}", CaseDetail)
        try:
            await self._decide(detail)
        except Refused as refused:
            if refused.status not in {403, 404, 409, 412, 422}:
                raise
        after = await self.agent.get(f"/staff/cases/{case.id}", CaseDetail)
        self.seen[case.id] = (after.version, clock.now())

    async def _decide(self, case: CaseDetail) -> None:
        if case.state == "waiting_approval" or any(r.state in {"waiting_approval", "granted"} for r in case.remedies):
            return
        tried = {remedy.kind for remedy in case.remedies}
        executed = any(remedy.state == "executed" for remedy in case.remedies)
        wish = self.wishes.pop(case.order_id, None)
        choice = wish or next((s.remedy for s in case.suggestions if s.remedy not in tried), None)
        if choice is not None and (wish or not executed):
            await self._grant(case, choice)
        elif case.kind not in _LET_IT_MOVE or executed:
            await self._resolve(case)

    async def _grant(self, case: CaseDetail, kind: str) -> None:
        body: dict[str, object] = {"kind": kind, "reason": f"by the playbook for {case.kind}"}
        if kind == "new_promise":
            body["deliver_by"] = (clock.now() + _NEW_DATE_AFTER).isoformat()
        await self.agent.act(f"/staff/cases/{case.id}/remedies", body, key=key_of("grant", case.id, kind, case.version))
        self.granted += 1

    async def _resolve(self, case: CaseDetail) -> None:
        body = {"reason": "looked into; nothing is left to do", "customer_informed": "by telephone"}
        await self.agent.act(f"/staff/cases/{case.id}/resolve", body, key=key_of("resolve", case.id, case.version))
        self.resolved += 1

    async def _approve(self) -> None:
        waiting = await self.lead.get("/staff/remedies?state=waiting_approval&limit=200", RemedyPage)
        for remedy in waiting.data:
            try:
                await self.lead.act(f"/staff/remedies/{remedy.id}/approve", None, key=key_of("approve", remedy.id))
                self.approved += 1
            except Refused as refused:
                if refused.status not in {403, 409}:
                    raise
