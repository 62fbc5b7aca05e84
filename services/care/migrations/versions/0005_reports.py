"""Let people report a wrong or missing item, and a delivery that never arrived."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table watch_report drop constraint watch_report_kind_check",
    """
    alter table watch_report add constraint watch_report_kind_check
    check (kind in ('damage', 'wrong_item', 'missing_item', 'not_received'))
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
