"""Count a customer's failures, not an order's: watches know whose they are, by a digest that only orders can make."""

from alembic import op

from shared.migrate import index_beside_work

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table watch add column if not exists customer text not null default ''")
    index_beside_work("watch_customer", "watch (customer) where customer <> ''")
