"""Let care know test orders, which the measures leave out."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table watch add column test boolean not null default false")
