"""Index the scans whose words and places are still there, for the job that drops the old ones."""

from shared.migrate import index_beside_work

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_beside_work(
        "tracking_event_words",
        "tracking_event (recorded_at) where (message, city, region, postal_code) <> ('', '', '', '')",
    )
