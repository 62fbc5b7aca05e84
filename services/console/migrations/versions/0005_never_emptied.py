"""Refuse to empty the tables whose rows are never changed."""

from alembic import op

from shared.tables import never_emptied

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in never_emptied("sign_in"):
        op.execute(statement)
