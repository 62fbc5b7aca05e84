"""Let the sign-in audit be dropped by age, and by nothing else."""

from alembic import op

from shared.tables import DROPPED_BY_AGE, dropped_by_age

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (DROPPED_BY_AGE, dropped_by_age("sign_in")):
        op.execute(statement)
