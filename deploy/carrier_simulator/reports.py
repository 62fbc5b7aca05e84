"""What became of every parcel, for summaries."""

from deploy.carrier_simulator.store import Store, from_micros
from deploy.carrier_simulator.wire import stamp

_PARCELS = """
select tracker.tracking_code, tracker.shipment_id, tracker.reference, tracker.custom_1 as print_custom_1,
       tracker.custom_2 as print_custom_2, tracker.journey, tracker.status,
       tracker.document ->> '$.status_detail' as status_detail, tracker.plan ->> '$.service' as service,
       tracker.document ->> '$.est_delivery_date' as est_delivery_date,
       tracker.created_at as bought_at, tracker.handed_over_at, shipment.refund_status,
       coalesce(scans.done, 0) as scans_done, coalesce(scans.to_come, 0) as scans_to_come, scans.next_due_at,
       case when tracker.status = 'delivered' then tracker.document ->> '$.tracking_details[#-1].datetime' end
           as delivered_at
from tracker
join shipment on shipment.id = tracker.shipment_id
left join (
    select tracking_code, sum(done) as done, sum(1 - done) as to_come, min(iif(done, null, due_at)) as next_due_at
    from scan group by tracking_code
) as scans on scans.tracking_code = tracker.tracking_code
where ?1 is null or tracker.custom_1 = ?1
order by tracker.sequence
"""
_TIMES = ("bought_at", "handed_over_at", "next_due_at")


def list_parcels(store: Store, print_custom_1: str | None) -> list[dict[str, object]]:
    """List the parcels that were sold, of one order if given, with state and kind of journey."""
    parcels = [dict(row) for row in store.all(_PARCELS, print_custom_1)]
    for parcel in parcels:
        for name in _TIMES:
            micros = parcel[name]
            parcel[name] = stamp(from_micros(micros)) if isinstance(micros, int) else None
    return parcels
