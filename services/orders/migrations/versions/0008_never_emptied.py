"""Refuse to empty the tables whose rows are never changed; count the unpaid orders of a storefront by index."""

from alembic import op

from shared.migrate import index_beside_work
from shared.tables import never_emptied

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in never_emptied("audit", "caller_verification", "person_view"):
        op.execute(statement)
    index_beside_work("unpaid_orders", "orders (storefront_id) where payment_due_at is not null")
