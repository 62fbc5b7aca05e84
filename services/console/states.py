"""What a sign-in came to."""

from enum import StrEnum


class Outcome(StrEnum):
    """One row of the sign-in audit."""

    TRIED = "tried"  # written before the password is looked at, so that many at once cannot slip through
    SIGNED_IN = "signed_in"
    LOCKED = "locked"
    SIGNED_OUT = "signed_out"
    ROLE_CHANGED = "role_changed"
