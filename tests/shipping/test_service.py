"""What holds of the whole service: its schema, its doors, what it learns and what it forgets."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from fastapi.routing import APIRoute

from services.shipping.actions.estimates import learn_transits
from services.shipping.api import carriers, internal, staff
from services.shipping.jobs import KEPT
from services.shipping.models import ShippingTable
from services.shipping.queries import labels as label_queries
from services.shipping.queries import tracking as tracking_queries
from services.shipping.settings import settings
from shared import clock, retention
from shared.auth import Role, Scope
from shared.db import Transaction
from shared.ids import new_id
from tests.shipping.rig import Parcel, ShippingRig, parcel_closed, step
from tests.shipping.test_tracking import message, send, waiting_parcel


@pytest.mark.parametrize("table", sorted(ShippingTable.metadata.tables))
async def test_a_model_has_the_columns_of_its_migrated_table(shipping: ShippingRig, table: str) -> None:
    async with shipping.database.transaction() as tx:
        rows = await tx.fetch(
            "select column_name, is_nullable = 'YES' as nullable from information_schema.columns where table_name = $1",
            table,
        )
    migrated = {row["column_name"]: row["nullable"] for row in rows}
    modelled = {column.name: column.nullable for column in ShippingTable.metadata.tables[table].columns}
    assert modelled == migrated


def test_every_route_declares_who_may_call_it() -> None:
    doors = (staff.router, internal.router, carriers.router)
    routes = [route for door in doors for route in door.routes if isinstance(route, APIRoute)]
    assert routes
    for route in routes:
        scopes = {
            scope for dependency in route.dependant.dependencies for scope in getattr(dependency.call, "scopes", ())
        }
        assert scopes, route.path
        assert (Scope.PUBLIC in scopes) is route.path.startswith("/carriers/")
        assert (Scope.INTERNAL in scopes) is route.path.startswith("/internal/")


async def test_a_role_without_the_scope_is_refused_and_nobody_is_let_in_unsigned(shipping: ShippingRig) -> None:
    assert (await shipping.anonymous.get("/staff/shipments")).status_code == 401
    assert (await shipping.as_role(Role.PICKER).get("/staff/shipments")).status_code == 403
    assert (await shipping.as_role(Role.SUPPORT).get(f"/staff/shipments/{new_id()}")).status_code == 404
    unreasoned = await shipping.post(Role.OPERATOR, f"/staff/shipments/{new_id()}/void", {"reason": ""})
    assert unreasoned.status_code == 422
    assert [error["pointer"] for error in unreasoned.json()["errors"]] == ["/reason"]


async def test_shipments_are_listed_page_by_page(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    second = Parcel(order_id=parcel.order_id)
    await shipping.hear(parcel_closed(second))
    path, filters = "/staff/shipments", {"order_id": str(parcel.order_id), "limit": "1"}
    first_page = (await shipping.as_role(Role.SUPPORT).get(path, params=filters)).json()
    cursor = first_page["next_cursor"]
    second_page = (await shipping.as_role(Role.SUPPORT).get(path, params={**filters, "cursor": cursor})).json()
    listed = [page["data"][0]["parcel_id"] for page in (first_page, second_page)]
    assert set(listed) == {str(parcel.parcel_id), str(second.parcel_id)}
    assert second_page["next_cursor"] is None


async def test_two_live_labels_for_one_parcel_are_refused_by_the_database(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    with pytest.raises(asyncpg.UniqueViolationError, match="one_live_label_per_parcel"):
        async with shipping.database.transaction() as tx:
            await tx.execute(
                "insert into label (id, shipment_id, parcel_id, state, format, adapter, requested_at) "
                "values ($1, $2::text::uuid, $3, 'requested', 'png', 'easypost', $4)",
                new_id(),
                shown["id"],
                parcel.parcel_id,
                tx.now,
            )


@pytest.mark.parametrize(("finished", "known"), [(49, None), (50, (24, 39))])
async def test_quantiles_are_learned_from_fifty_finished_parcels_and_not_from_fewer(
    shipping: ShippingRig, finished: int, known: tuple[int, int] | None
) -> None:
    lane = f"SimPost/Ground|{new_id()}"
    async with shipping.database.transaction() as tx:
        for minutes in range(finished):
            shipment_id = await _bare_shipment(tx)
            await tracking_queries.keep_transits(tx, shipment_id, [lane], {"in_transit": minutes}, tx.now)
    async with shipping.database.transaction() as tx:
        await learn_transits(tx)
        assert await tracking_queries.get_quantile(tx, [lane], "in_transit") == known


async def test_quantiles_of_a_lane_that_went_quiet_are_forgotten(shipping: ShippingRig) -> None:
    lane = f"SimPost/Ground|{new_id()}"
    async with shipping.database.transaction() as tx:
        for minutes in range(50):
            shipment_id = await _bare_shipment(tx)
            await tracking_queries.keep_transits(tx, shipment_id, [lane], {"in_transit": minutes}, tx.now)
    async with shipping.database.transaction() as tx:
        await learn_transits(tx)
    async with shipping.database.transaction() as tx:
        await tx.execute(
            "update finished_transit set finished_at = finished_at - interval '91 days' where lane = $1", lane
        )
    async with shipping.database.transaction() as tx:
        await learn_transits(tx)
        assert await tracking_queries.get_quantile(tx, [lane], "in_transit") is None


async def _bare_shipment(tx: Transaction) -> UUID:
    shipment_id = new_id()
    await tx.execute(
        "insert into shipment (id, order_id, parcel_id, location, service_level, country_code, postal_zone, "
        "weight_grams, length_mm, width_mm, height_mm, contents, status, since, created_at) "
        "values ($1, $2, $3, 'WEST', 'standard', 'US', '902', 1, 1, 1, 1, $4, 'voided', $5, $5)",
        shipment_id,
        new_id(),
        new_id(),
        [{"line_id": str(new_id()), "sku": "MUG", "quantity": 1}],
        tx.now,
    )
    return shipment_id


async def test_a_delivered_parcel_teaches_how_long_each_milestone_took(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.journey(parcel, step(2, "in_transit", "picked_up"), step(32, "delivered", "arrived_at_destination"))
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    await shipping.hand_over(parcel, str(shown["tracking_number"]), at=_days_ago(4))
    await shipping.until(parcel, "delivered")
    taught = await _taught(shipping, shown)
    assert set(taught) == {"handed_over", "picked_up"}
    assert taught["picked_up"] == (30 * 60, 2)


async def _taught(shipping: ShippingRig, shown: dict[str, object]) -> dict[str, tuple[int, int]]:
    """Give the minutes a parcel took from each milestone, and the lanes that learn of it."""
    async with shipping.database.transaction() as tx:
        rows = await tx.fetch(
            "select milestone, min(minutes) as minutes, count(*) as lanes from finished_transit "
            "where shipment_id = $1::text::uuid group by milestone",
            shown["id"],
        )
    return {row["milestone"]: (row["minutes"], row["lanes"]) for row in rows}


async def test_a_parcel_delivered_again_after_a_correction_teaches_what_it_taught_at_first(
    shipping: ShippingRig,
) -> None:
    parcel, number = await waiting_parcel(shipping)
    await send(shipping, message(number, (-2, "in_transit", "picked_up"), (-1, "delivered", "arrived_at_destination")))
    shown = await shipping.until(parcel, "delivered")
    taught = await _taught(shipping, shown)
    wrong = {"status": "delivery_corrected", "reason": "it lies at the neighbour's depot"}
    assert (await shipping.post(Role.OPERATOR, f"/staff/shipments/{shown['id']}/set-status", wrong)).is_success

    await send(shipping, message(number, (5, "delivered", "arrived_at_destination")))

    await shipping.until(parcel, "delivered")
    assert taught == {"picked_up": (60, 2)}
    assert (await _taught(shipping, shown))["picked_up"] == (60, 2)


def _days_ago(days: int) -> datetime:
    return (clock.now() - timedelta(days=days)).replace(microsecond=0)


def _uuid(shown: dict[str, object]) -> UUID:
    return UUID(str(shown["id"]))


async def test_label_files_are_forgotten_after_their_retention_and_no_other(shipping: ShippingRig) -> None:
    old, young = Parcel(), Parcel()
    shipments = []
    for parcel in (old, young):
        await shipping.close(parcel)
        shipments.append(await shipping.until(parcel, "label_purchased"))
        path = f"/staff/shipments/{shipments[-1]['id']}/label?format=zpl"
        assert (await shipping.as_role(Role.PICKER).get(path)).status_code == 200
    async with shipping.database.transaction() as tx:
        await tx.execute(
            "update label_file set forget_at = $1 where label_id = "
            "(select label_id from shipment where id = $2::text::uuid)",
            clock.real() - timedelta(seconds=1),
            shipments[0]["id"],
        )

    dropped = await retention.drop_old(shipping.database, settings(), KEPT)

    assert dropped["label files"] >= 1
    async with shipping.database.transaction() as tx:
        labels = [(await label_queries.list_labels(tx, _uuid(one)))[0].id for one in shipments]
        assert [await label_queries.get_file(tx, label) is not None for label in labels] == [False, True]
        assert [await label_queries.get_copy(tx, label, "zpl") is not None for label in labels] == [False, True]
