"""Pause switches: an operator stops one kind of outside work, for all or for one scope."""

from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.audit import audit
from shared.db import Transaction
from shared.errors import FieldError, InvalidError

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a switch may be set for; `knows` is a scalar SQL question whether there is one called $1."""

    name: str
    knows: str


STOREFRONT_ID = Scope("storefront", "select $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'")
"""For services that hear of a storefront only by its first order."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One kind of work a service lets operators pause, everywhere or for one of its scopes."""

    kind: str
    scopes: tuple[Scope, ...]

    async def require_known(self, tx: Transaction, scope: str) -> None:
        """Raise InvalidError for a scope that this switch would silently ignore."""
        if scope == EVERYWHERE:
            return
        for known in self.scopes:
            if await tx.value(known.knows, scope):
                return
        names = " or ".join(known.name for known in self.scopes)
        detail = f"{self.kind} is paused for a {names}, or for {EVERYWHERE}; {scope!r} is none that is known here"
        raise InvalidError("unknown scope", errors=(FieldError("/scope", "unknown_scope", detail),))


@dataclass(frozen=True, slots=True)
class Pause:
    """A switch that is set; `scope` is a carrier, storefront or location, or `*`."""

    kind: str
    scope: str
    reason: str
    actor: str
    paused_at: datetime


async def list_pauses(tx: Transaction) -> list[Pause]:
    """List the switches that are set."""
    rows = await tx.fetch("select kind, scope, reason, actor, paused_at from pause_switch order by kind, scope")
    return [Pause(**dict(row)) for row in rows]


async def is_paused(tx: Transaction, kind: str, *scopes: str) -> bool:
    """Say whether this kind of work is paused everywhere or for one of `scopes`."""
    question = "select exists (select from pause_switch where kind = $1 and scope = any($2::text[]))"
    return bool(await tx.value(question, kind, [EVERYWHERE, *scopes]))


async def paused_scopes(tx: Transaction, kind: str) -> set[str]:
    """Give the scopes for which this kind of work is paused; `*` means all."""
    return {row["scope"] for row in await tx.fetch("select scope from pause_switch where kind = $1", kind)}


async def pause(tx: Transaction, switch: Switch, scope: str, *, actor: str, reason: str) -> None:
    """Set a switch; audited; setting it twice is one; raises InvalidError for a scope it does not honour."""
    kind = switch.kind
    await switch.require_known(tx, scope)
    if not reason.strip():
        raise InvalidError("say why", errors=(FieldError("/reason", "required", "a pause needs a reason"),))
    await tx.execute(
        "insert into pause_switch (kind, scope, reason, actor, paused_at) values ($1, $2, $3, $4, $5) "
        "on conflict (kind, scope) do nothing",
        kind,
        scope,
        reason,
        actor,
        clock.real(),
    )
    await audit(tx, actor=actor, act="pause", subject=f"{kind}:{scope}", reason=reason)


async def resume(tx: Transaction, kind: str, scope: str, *, actor: str, reason: str) -> None:
    """Clear a switch; audited; clearing what is not set is fine."""
    await tx.execute("delete from pause_switch where kind = $1 and scope = $2", kind, scope)
    await audit(tx, actor=actor, act="resume", subject=f"{kind}:{scope}", reason=reason)
