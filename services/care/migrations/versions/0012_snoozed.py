"""Let a case be snoozed until a moment that somebody chose."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table care_case add column snoozed_until timestamptz")
