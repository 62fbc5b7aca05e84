"""The pages: each route declares who may open it, each form carries a token of its session."""

from fastapi import APIRouter, Depends

from services.console.api import (
    account,
    board,
    care,
    cases,
    dispatch,
    home,
    look_up,
    operations,
    orders,
    overview,
    packing,
    paper,
    people,
    photos,
    picking,
    provider,
    sign_in,
    stock,
    track,
    transfers,
)
from services.console.api.guard import refuse_foreign_forms

router = APIRouter(dependencies=[Depends(refuse_foreign_forms)], include_in_schema=False)
for part in (
    sign_in.router,
    provider.router,
    account.router,
    people.router,
    home.router,
    look_up.router,
    orders.router,
    photos.router,
    care.router,
    cases.router,
    picking.router,
    packing.router,
    paper.router,
    dispatch.router,
    transfers.router,
    stock.router,
    board.router,
    overview.router,
    operations.router,
    track.router,
):
    router.include_router(part)
