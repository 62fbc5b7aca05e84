"""Keep who looked at which photo of a customer: only ever added to, and dropped by age."""

from alembic import op

from shared.tables import DROPPED_BY_AGE, dropped_by_age, never_emptied

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table evidence_view (
      id uuid primary key,
      evidence_id uuid not null,
      order_id uuid not null,
      actor text not null,
      at timestamptz not null
    )
    """,
    "create index evidence_view_order on evidence_view (order_id, at)",
    DROPPED_BY_AGE,
    dropped_by_age("evidence_view"),
    *never_emptied("evidence_view"),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
