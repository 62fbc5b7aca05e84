"""The same request twice has one effect and one answer: its key is stored in the transaction of its effect."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg
import orjson
from pydantic import BaseModel

from shared import clock
from shared.db import Transaction
from shared.errors import FieldError, InvalidError

MAX_KEY_LENGTH = 200

_CLAIM = """
insert into idempotency (scope, key, fingerprint, created_at)
select c.scope, c.key, c.fingerprint, $4 from unnest($1::text[], $2::text[], $3::jsonb[]) as c(scope, key, fingerprint)
order by c.scope, c.key
on conflict do nothing returning scope, key
"""
_STORED = """
select i.scope, i.key, i.fingerprint, i.status, i.body, i.headers from idempotency i
join unnest($1::text[], $2::text[]) as c(scope, key) using (scope, key)
"""
# Without a claim before: of two that answer one key at once the later one is refused by the primary key.
_KEEP = """
insert into idempotency (scope, key, fingerprint, status, body, headers, created_at)
select scope, key, fingerprint, status, body, headers, created_at
from jsonb_populate_recordset(null::idempotency, $1) order by scope, key
"""
# Parameters behind a select are not looked into for planning: else every batch of requests is planned anew.
SETTLE = """
update idempotency i set status = s.status, body = s.body, headers = s.headers
from unnest((select $1::text[]), (select $2::text[]), (select $3::int[]), (select $4::jsonb[]), (select $5::jsonb[]))
  as s(scope, key, status, body, headers)
where i.scope = s.scope and i.key = s.key
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's key: `scope` is caller and route; `fingerprint` an HMAC per field of the body."""

    scope: str
    key: str
    fingerprint: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is stored and sent; its body is a JSON value, or a fragment of JSON that is made already."""

    status: int
    body: object
    headers: Mapping[str, str]

    @classmethod
    def of(cls, shown: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Answer with what is shown, encoded once for the caller and for its row."""
        return cls(status, orjson.Fragment(shown.model_dump_json()), headers or {})


def make_claim(scope: str, key: str | None, body: Mapping[str, object], secret: str) -> Claim:
    """Check the key and fingerprint the body; raises InvalidError naming the header."""
    if not key or len(key) > MAX_KEY_LENGTH:
        detail = "send an Idempotency-Key header of 1 to 200 characters: the same key again gives the same answer"
        error = FieldError("/headers/Idempotency-Key", "required", detail)
        raise InvalidError("the Idempotency-Key header is missing or too long", errors=(error,))
    fingerprint = {
        name: hmac.digest(
            secret.encode(), orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS), "sha256"
        ).hex()[:16]
        for name, value in body.items()
        if value is not None
    }
    return Claim(scope, key, fingerprint)


async def claim(tx: Transaction, claims: Sequence[Claim]) -> list[Reply | InvalidError | None]:
    """Claim keys; for each give None (ours: do the work), the stored answer, or the error of another body.

    A concurrent twin waits for the first one's commit, at most the role's lock timeout.
    """
    won = await tx.fetch(
        _CLAIM,
        [c.scope for c in claims],
        [c.key for c in claims],
        [dict(c.fingerprint) for c in claims],
        clock.real(),
    )
    mine = {(row["scope"], row["key"]) for row in won}
    others = [c for c in claims if (c.scope, c.key) not in mine]
    if not others:
        return [None] * len(claims)
    rows = await tx.fetch(_STORED, [c.scope for c in others], [c.key for c in others])
    stored = {(row["scope"], row["key"]): row for row in rows}
    return [judge(stored.get((c.scope, c.key)), c) for c in claims]


async def get_answer(tx: Transaction, claim: Claim) -> Reply | InvalidError | None:
    """Read what a key was answered, without claiming it: None when it is unused, the error of another body."""
    return judge(await tx.row(_STORED, [claim.scope], [claim.key]), claim)


async def settle(tx: Transaction, replies: Sequence[tuple[Claim, Reply]]) -> None:
    """Store the answers of claimed keys, in the transaction of their effects."""
    await tx.execute(
        SETTLE,
        [c.scope for c, _ in replies],
        [c.key for c, _ in replies],
        [reply.status for _, reply in replies],
        [reply.body for _, reply in replies],
        [dict(reply.headers) for _, reply in replies],
    )


async def keep(tx: Transaction, replies: Sequence[tuple[Claim, Reply]]) -> None:
    """Store the answers of keys that nobody has claimed, with the other writes of their transaction.

    There it raises UniqueViolationError for a key that was answered meanwhile: done again, the work finds that answer.
    """
    rows = [
        {
            "scope": claim.scope,
            "key": claim.key,
            "fingerprint": claim.fingerprint,
            "status": reply.status,
            "body": reply.body,
            "headers": reply.headers,
            "created_at": clock.real(),
        }
        for claim, reply in replies
    ]
    await tx.write(_KEEP, rows)


def judge(row: asyncpg.Record | None, sent: Claim) -> Reply | InvalidError | None:
    """Give what the row of a key says to a request: nothing, its answer, or the error of another body."""
    if row is None:
        return None
    reused = refuse_reuse(row["fingerprint"], sent.fingerprint)
    return reused or Reply(row["status"], row["body"], row["headers"] or {})


def refuse_reuse(stored: Mapping[str, str], sent: Mapping[str, str]) -> InvalidError | None:
    """Refuse a key that came with another body before, naming the fields that differ; None for the same body."""
    different = sorted(name for name in stored.keys() | sent.keys() if stored.get(name) != sent.get(name))
    if not different:
        return None
    errors = tuple(
        FieldError(f"/{name}", "differs", "differs from the first request with this key") for name in different
    )
    return InvalidError(
        f"this Idempotency-Key was used for another request; these fields differ: {', '.join(different)}", errors=errors
    )
