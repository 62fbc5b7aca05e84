"""Know since when a promise is revised, and to which revision the customer agreed."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table watch add column promise_revised_at timestamptz",
    "alter table watch add column agreed_revision int",
    """
    update watch w set agreed_revision = said.revision from (
      select distinct on (order_id) order_id, value::int as revision from word where kind = 'wait'
      order by order_id, at desc, id desc) said
    where said.order_id = w.order_id
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
