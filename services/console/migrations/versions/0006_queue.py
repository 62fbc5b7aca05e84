"""Keep which cases somebody looked at last with the person, not with their browser."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table staff add column queue text not null default ''")
