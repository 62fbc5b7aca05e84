"""The event door: each fact of orders, inventory and shipping goes to the action that folds it."""

from services.care.actions import folding, forgetting
from shared.consumer import EventRouter
from shared.events import inventory, orders, shipping

router = EventRouter()

router.on(orders.OrderPlaced)(folding.place)
router.on(orders.OrderReleased)(folding.step)
router.on(orders.HoldApplied)(folding.step)
router.on(orders.HoldReleased)(folding.step)
router.on(orders.OrderAmended)(folding.amend)
router.on(orders.LinesCancelled)(folding.cancel_lines)
router.on(orders.OrderRejected)(folding.end)
router.on(orders.OrderCancelled)(folding.end)
router.on(orders.OrderCompleted)(folding.end)
router.on(orders.PromiseRevised)(folding.revise)
router.on(orders.PromiseSettled)(folding.settle_promises)
router.on(orders.CustomerErased)(forgetting.erase_customers)
router.on(orders.RemedyExecuted)(folding.execute_remedies)
router.on(orders.RemedyRefused)(folding.refuse_remedies)

router.on(inventory.LocationSaved)(folding.keep_locations)
router.on(inventory.StockReserved)(folding.stock)
router.on(inventory.StockBackordered)(folding.stock)
router.on(inventory.ReservationReleased)(folding.stock)
router.on(inventory.FulfilmentPlanned)(folding.plan_fulfilments)
router.on(inventory.FulfilmentCancelled)(folding.cancel_fulfilments)
router.on(inventory.PickStarted)(folding.start_picks)
router.on(inventory.PickConfirmed)(folding.step)
router.on(inventory.ShortfallOpened)(folding.open_shortfalls)
router.on(inventory.ShortfallHealed)(folding.heal_shortfalls)
router.on(inventory.CancellationAnswered)(folding.ask_for_intercepts)
router.on(inventory.ParcelClosed)(folding.close_parcels)
router.on(inventory.ParcelReopened)(folding.reopen_parcels)
router.on(inventory.ParcelHandedOver)(folding.hand_over)

router.on(shipping.ShipmentBooked)(folding.book)
router.on(shipping.BookingFailed)(folding.step)
router.on(shipping.BookingUnknown)(folding.step)
router.on(shipping.LabelVoidRequested)(folding.give_back_labels)
router.on(shipping.LabelVoided)(folding.give_back_labels)
router.on(shipping.ShipmentProgressed)(folding.progress)
router.on(shipping.ShipmentDelivered)(folding.deliver)
