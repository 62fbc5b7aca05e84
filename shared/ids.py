"""Identifiers: UUIDv7 by the real clock, so that keys made together lie together in an index."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Make a UUIDv7."""
    return uuid_utils.compat.uuid7()
