"""The audit trail: who did what to which thing and why; rows are only ever inserted."""

from shared.db import Transaction


async def audit(
    tx: Transaction,
    *,
    actor: str,
    act: str,
    subject: str,
    reason: str,
    change: tuple[object, object] | None = None,
) -> None:
    """Write an audit row, which nobody can change; `change` is (before, after) as JSON values."""
    before, after = change if change is not None else (None, None)
    await tx.execute(
        "insert into audit (at, actor, act, subject, reason, before, after, cause) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tx.now,
        actor,
        act,
        subject,
        reason,
        before,
        after,
        tx.cause,
    )
