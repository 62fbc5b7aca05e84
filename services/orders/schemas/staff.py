"""What staff sends: storefronts and keys, holds, promises, repairs."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.orders.schemas.parts import Code, Text
from services.orders.states import HoldReason
from shared.doors import Answer, Body
from shared.fields import Moment, NearMoment

Why = Annotated[str, Field(min_length=3, max_length=500)]


class CreateStorefront(Body):
    """A new storefront; `notifications` says who writes to its customers."""

    code: Code
    name: Text
    notifications: Literal["doorstep", "storefront"] = "doorstep"


class StorefrontView(Answer):
    """A storefront."""

    id: UUID
    code: str
    name: str
    notifications: str
    created_at: AwareDatetime


class CreateKey(Body):
    """A new key for a storefront."""

    test: bool = False
    label: Annotated[str, Field(max_length=100)] = ""
    expires_at: Moment | None = None


class RotateKey(Body):
    """A successor for a key, which stays valid for the overlap."""

    overlap_hours: Annotated[int, Field(ge=0, le=720)] = 24


class RevokeKey(Body):
    """The end of a key."""

    reason: Why


class KeyView(Answer):
    """A key without its secret."""

    id: UUID
    storefront_id: UUID
    prefix: str
    test: bool
    label: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class NewKeyView(KeyView):
    """A key with its secret, which is shown this once."""

    key: str | None


class StorefrontList(Answer):
    """All storefronts."""

    data: list[StorefrontView]


class KeyList(Answer):
    """All keys of a storefront."""

    data: list[KeyView]


class ApplyHold(Body):
    """Hold an order."""

    reason: HoldReason
    note: Annotated[str, Field(max_length=500)] = ""


class ReleaseHold(Body):
    """Let it go."""

    note: Why


class RevisePromise(Body):
    """A new date for the customer."""

    deliver_by_latest: NearMoment
    ship_by: NearMoment | None = None
    reason: Why
    attributed_to: Literal["stock", "warehouse", "carrier", "customer", "other"] = "other"


class RejectOrder(Body):
    """Refuse an order that was placed."""

    reason: Literal["fraud", "payment", "address"]
    note: Annotated[str, Field(max_length=500)] = ""


class Reasoned(Body):
    """Why somebody repairs something."""

    reason: Why


class ShowExceptions(Body):
    """The exceptions that care has open of an order: kinds by id."""

    exceptions: Annotated[dict[UUID, Annotated[str, Field(max_length=40)]], Field(max_length=100)]
    reason: Why


class WriteOff(Body):
    """Units nobody will deliver any more."""

    line_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    reason: Why
