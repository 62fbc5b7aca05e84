"""Looks at customers' photos: by who works cases, or has verified the caller; every look is kept."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.care.actions.sending import orders_client
from services.care.errors import CallerNotVerifiedError, EvidenceNotFoundError
from services.care.models import Evidence, EvidenceLook
from services.care.queries import customers as queries
from services.care.schemas import customers as schemas
from shared import clock
from shared.auth import Principal, Role, Scope, mint_token
from shared.db import Database, Transaction
from shared.errors import UnavailableError
from shared.http import HttpAnswerLostError, HttpStatusError, HttpUnavailableError
from shared.ids import new_id
from shared.settings import platform


class _Caller(BaseModel):
    model_config = ConfigDict(extra="ignore")

    verified_until: datetime | None


async def list_photos(tx: Transaction, order_id: UUID, *, with_words: bool) -> schemas.EvidenceList:
    """List the photos of an order, without the pictures."""
    rows = await queries.list_evidence(tx, order_id)
    shown = [schemas.EvidenceView.model_validate(dict(row)) for row in rows]
    return schemas.EvidenceList(data=shown if with_words else [one.model_copy(update={"comment": ""}) for one in shown])


async def show_photo(database: Database, evidence_id: UUID, who: Principal) -> bytes:
    """Give a photo (JPEG) and keep who looked; raises EvidenceNotFoundError, CallerNotVerifiedError, UnavailableError.

    Who works cases decides on photos, as on what was reported with them; anybody else needs a verified caller.
    """
    if Scope.CASE not in who.scopes:
        async with database.transaction() as tx:
            order_id = (await _find(tx, evidence_id)).order_id
        await _require_verified(order_id, who.actor)
    async with database.transaction() as tx:
        photo = await _find(tx, evidence_id)
        look = EvidenceLook(
            id=new_id(), evidence_id=photo.id, order_id=photo.order_id, actor=who.actor, at=clock.real()
        )
        tx.session.add(look)
        return photo.image


async def _find(tx: Transaction, evidence_id: UUID) -> Evidence:
    found = await queries.get_evidence(tx, evidence_id)
    if found is None:
        raise EvidenceNotFoundError(f"there is no photo {evidence_id}")
    return found


async def _require_verified(order_id: UUID, actor: str) -> None:
    """Ask orders, who keep it."""
    token = mint_token(platform().service_private_key.get_secret_value(), subject="care", role=Role.SERVICE)
    try:
        answer = await orders_client().request(
            "GET",
            f"/internal/orders/{order_id}/caller",
            params={"actor": actor},
            headers={"authorization": f"Bearer {token}"},
        )
    except (HttpUnavailableError, HttpAnswerLostError, HttpStatusError) as error:
        raise UnavailableError(
            "orders cannot say whether the caller is verified; try again", headers={"Retry-After": "1"}
        ) from error
    if _Caller.model_validate(answer.json()).verified_until is None:
        raise CallerNotVerifiedError("verify the caller first: photos tell who a customer is")
