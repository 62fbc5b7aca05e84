"""What intake must know of the goods and storefronts of a list of orders, in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.models import StorefrontRow
from services.orders.queries.catalogue import CATALOGUE, Catalogue, as_catalogue
from services.orders.queries.orders import as_model
from shared.db import Transaction

INTAKE_SWITCH = "intake"
READ = f"""
select {CATALOGUE},
  array(select s from storefront s where s.id = any((select $5::uuid[])::uuid[])) as storefronts,
  array(select scope from pause_switch where kind = $6) as paused
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of orders names."""

    skus: set[str]
    pins: set[str]
    quotes: Sequence[UUID]
    storefronts: set[UUID]
    count: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of it; intake is paused for the storefronts whose ids are among `paused`, or for all by `*`."""

    catalogue: Catalogue
    storefronts: Mapping[UUID, StorefrontRow]
    paused: frozenset[str]


async def read_known(tx: Transaction, wanted: Wanted) -> Known:
    """Read it, and draw an order number for each order."""
    row = await tx.row(
        READ,
        sorted(wanted.skus),
        wanted.quotes,
        wanted.count,
        sorted(wanted.pins),
        sorted(wanted.storefronts),
        INTAKE_SWITCH,
    )
    if row is None:
        raise LookupError("no row")
    storefronts = [as_model(StorefrontRow, entry) for entry in row["storefronts"]]
    return Known(as_catalogue(row), {one.id: one for one in storefronts}, frozenset(row["paused"]))
