"""What a sign-in came to, and what was done to an account."""

from enum import StrEnum


class Outcome(StrEnum):
    """One row of the sign-in audit."""

    TRIED = "tried"  # written before the password is looked at, so that many at once cannot slip through
    SIGNED_IN = "signed_in"
    LOCKED = "locked"
    SIGNED_OUT = "signed_out"
    ROLE_CHANGED = "role_changed"
    SIGNED_IN_BY_PROVIDER = "signed_in_by_provider"
    PROVIDER_REFUSED = "provider_refused"  # the provider knows them, and gives them no role of ours
    LINK_MADE = "link_made"
    PASSWORD_SET = "password_set"  # noqa: S105 - an outcome, no password  # pragma: allowlist secret
    DISABLED = "disabled"
    ENABLED = "enabled"
