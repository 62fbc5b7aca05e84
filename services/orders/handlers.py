"""The event door: what inventory, shipping and care tell us."""

from services.orders.actions import care_facts, copies, remedies, shipments, stock, warehouse
from shared.consumer import EventRouter
from shared.events import care, inventory, shipping

router = EventRouter()

router.on(inventory.SkuSaved)(copies.copy_skus)
router.on(inventory.LocationSaved)(copies.copy_locations)
router.on(inventory.StockChanged)(copies.copy_stock)

router.on(inventory.StockReserved)(stock.apply_reserved)
router.on(inventory.StockBackordered)(stock.apply_backordered)
router.on(inventory.ReservationReleased)(stock.apply_released)
router.on(inventory.ShortfallOpened)(stock.apply_shortfall)
router.on(inventory.ShortfallHealed)(stock.apply_healed)

router.on(inventory.FulfilmentPlanned)(warehouse.apply_planned)
router.on(inventory.PickStarted)(warehouse.apply_pick_started)
router.on(inventory.PickConfirmed)(warehouse.apply_picked)
router.on(inventory.ParcelClosed)(warehouse.apply_packed)
router.on(inventory.ParcelReopened)(warehouse.apply_reopened)
router.on(inventory.ParcelHandedOver)(warehouse.apply_handed_over)
router.on(inventory.PicksPutBack)(warehouse.apply_put_back)
router.on(inventory.CancellationAnswered)(warehouse.apply_answered)
router.on(inventory.PickShorted)(warehouse.note)
router.on(inventory.ParcelDamaged)(warehouse.note)

router.on(shipping.ShipmentBooked)(shipments.apply_booked)
router.on(shipping.ShipmentProgressed)(shipments.apply_progressed)
router.on(shipping.ShipmentDelivered)(shipments.apply_delivered)
router.on(shipping.BookingFailed)(shipments.note)
router.on(shipping.BookingUnknown)(shipments.note)
router.on(shipping.LabelVoidRequested)(shipments.note)
router.on(shipping.LabelVoided)(shipments.note)

router.on(care.RemedyGranted)(remedies.execute_remedies)
router.on(care.ExceptionRaised)(care_facts.note)
router.on(care.ExceptionCleared)(care_facts.note)
router.on(care.CaseOpened)(care_facts.note)
router.on(care.CaseUpdated)(care_facts.note)
router.on(care.CaseResolved)(care_facts.note)
router.on(care.CustomerNotified)(care_facts.note)
router.on(care.FeedbackReceived)(care_facts.note)
