"""Reads and writes of SKUs, their barcodes and bins."""

from collections.abc import Collection, Sequence

import asyncpg

from shared.db import Transaction

_SAVE = """
insert into sku (code, name, weight_grams, length_mm, width_mm, height_mm, requires_shipping, active, fragile,
  perishable, safety, saved_at)
select n.*, $12 from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[], $7::boolean[],
  $8::boolean[], $9::boolean[], $10::boolean[], $11::boolean[])
  as n(code, name, weight_grams, length_mm, width_mm, height_mm, requires_shipping, active, fragile, perishable, safety)
order by n.code
on conflict (code) do update set name = excluded.name, weight_grams = excluded.weight_grams,
  length_mm = excluded.length_mm, width_mm = excluded.width_mm, height_mm = excluded.height_mm,
  requires_shipping = excluded.requires_shipping, active = excluded.active, fragile = excluded.fragile,
  perishable = excluded.perishable, safety = excluded.safety, saved_at = excluded.saved_at, version = sku.version + 1
"""
_LIST = """
select s.code, s.name, s.weight_grams, s.length_mm, s.width_mm, s.height_mm, s.requires_shipping, s.active, s.fragile,
  s.perishable, s.safety,
  coalesce((select jsonb_agg(jsonb_build_object('code', b.code, 'units', b.units) order by b.code)
    from barcode b where b.sku = s.code), '[]') as barcodes,
  coalesce((select jsonb_agg(jsonb_build_object('location', b.location, 'bin', b.bin, 'walk_order', b.walk_order)
    order by b.location, b.walk_order) from bin b where b.sku = s.code), '[]') as bins
from sku s where ($1::text[] is null or s.code = any($1)) and s.code > $2 order by s.code limit $3
"""


async def save_skus(tx: Transaction, rows: Sequence[Sequence[object]]) -> None:
    """Insert or replace SKUs; values in the order of the columns."""
    await tx.execute(_SAVE, *[list(column) for column in zip(*rows, strict=True)], tx.now)


async def replace_barcodes(tx: Transaction, skus: Collection[str], barcodes: Sequence[tuple[str, str, int]]) -> None:
    """Give these SKUs new barcodes: (code, SKU, units per scan)."""
    await tx.execute("delete from barcode where sku = any($1::text[])", list(skus))
    await tx.execute(
        "insert into barcode (code, sku, units) select * from unnest($1::text[], $2::text[], $3::int[])",
        [b[0] for b in barcodes],
        [b[1] for b in barcodes],
        [b[2] for b in barcodes],
    )


async def replace_bins(tx: Transaction, skus: Collection[str], bins: Sequence[tuple[str, str, str, int]]) -> None:
    """Give these SKUs new bins: (location, SKU, bin, place in the walk)."""
    await tx.execute("delete from bin where sku = any($1::text[])", list(skus))
    await tx.execute(
        "insert into bin (location, sku, bin, walk_order) "
        "select * from unnest($1::text[], $2::text[], $3::text[], $4::int[]) on conflict do nothing",
        [b[0] for b in bins],
        [b[1] for b in bins],
        [b[2] for b in bins],
        [b[3] for b in bins],
    )


async def barcodes_of_others(tx: Transaction, barcodes: Collection[str], skus: Collection[str]) -> dict[str, str]:
    """Give those barcodes that other SKUs have, with their SKU."""
    rows = await tx.fetch(
        "select code, sku from barcode where code = any($1::text[]) and not sku = any($2::text[])",
        list(barcodes),
        list(skus),
    )
    return {row["code"]: row["sku"] for row in rows}


async def list_skus(tx: Transaction, *, codes: Sequence[str] | None, after: str, limit: int) -> list[asyncpg.Record]:
    """List SKUs with barcodes and bins by code."""
    return await tx.fetch(_LIST, list(codes) if codes is not None else None, after, limit)


async def unknown_skus(tx: Transaction, codes: Collection[str]) -> set[str]:
    """Give those codes that no SKU has."""
    rows = await tx.fetch(
        "select c.code from unnest($1::text[]) as c(code) where not exists (select from sku s where s.code = c.code)",
        list(codes),
    )
    return {row["code"] for row in rows}


async def find_by_barcode(tx: Transaction, code: str) -> tuple[str, int] | None:
    """Give the SKU a barcode stands for and its units per scan; a SKU's own code is a barcode for one unit."""
    row = await tx.row(
        "select sku, units from barcode where code = $1 union all select code, 1 from sku where code = $1 limit 1", code
    )
    return (row["sku"], row["units"]) if row is not None else None
