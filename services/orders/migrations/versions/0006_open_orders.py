"""Index the orders that are not at their end, for the leads' overview."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index orders_at_work on orders (placed_at) where state in ('placed', 'open')")
