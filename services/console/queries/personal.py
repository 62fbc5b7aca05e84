"""Which columns tell of people: of customers none, staff by name, login and the address they signed in from."""

from shared.privacy import Table
from shared.retention import Kept

TABLES = (
    Table("staff", "password_hash roles locations queue", "login name identity"),
    Table("session", "token_hash role"),
    Table("sign_in", "outcome", "login address acted_by"),
    Table("password_link", "token_hash", "made_by"),
    Table("saved_view", "wanted", "name"),
)

KEPT = (
    Kept("sign-ins", "sign_in", "at", "sign_in_days"),
    Kept("sessions that ended", "session", "expires_at", "session_hours", is_end=True),
)
