"""Every scan is told to the receivers: signed, in order per parcel, again until they took it."""

from datetime import timedelta

from easypost.easypost_client import EasyPostClient
from easypost.util import validate_webhook

from tests.carrier_simulator.conftest import Buy, forget
from tests.carrier_simulator.process import CarrierProcess
from tests.carrier_simulator.receiver import Message, Receiver
from tests.carrier_simulator.test_moving_parcels import after, hand_over, script

STEPS = [
    after(1, "in_transit", "picked_up"),
    after(5, "in_transit", "arrived_at_facility"),
    after(9, "out_for_delivery", "out_for_delivery"),
    after(12, "delivered", "arrived_at_destination"),
]
IN_ORDER = ["in_transit", "in_transit", "out_for_delivery", "delivered"]


def set_out(carrier: CarrierProcess, buy: Buy) -> str:
    """Hand a parcel over that will be delivered within 12 hours by four scans."""
    code = str(buy()["tracking_code"])
    script(carrier, tracking_code=code, steps=STEPS)
    hand_over(carrier, code)
    return code


def statuses(messages: list[Message]) -> list[str]:
    return [message.tracker["status"] for message in messages]


def test_each_scan_is_told_once_signed_and_in_order(carrier: CarrierProcess, buy: Buy, receiver: Receiver) -> None:
    codes = [set_out(carrier, buy) for _ in range(5)]
    carrier.advance(timedelta(hours=13))
    for code in codes:
        messages = receiver.about(code)
        assert statuses(messages) == IN_ORDER
        assert all(message.is_genuine() for message in messages)
        assert [len(message.tracker["tracking_details"]) for message in messages] == [1, 2, 3, 4]
        assert {message.event["description"] for message in messages} == {"tracker.updated"}
        assert messages[-1].event["previous_attributes"]["status"] == "out_for_delivery"
        assert messages[-1].event["pending_urls"] == [receiver.url]


def test_several_scans_of_one_step_are_told_in_order(carrier: CarrierProcess, buy: Buy, receiver: Receiver) -> None:
    code = set_out(carrier, buy)
    carrier.clock.step_to(carrier.clock.now + timedelta(hours=13))
    carrier.settle()
    assert statuses(receiver.about(code)) == IN_ORDER


def test_a_receiver_in_trouble_is_told_again_until_it_takes_it(
    carrier: CarrierProcess, buy: Buy, receiver: Receiver
) -> None:
    code = set_out(carrier, buy)
    receiver.answer = lambda _: 503
    carrier.clock.step_to(carrier.clock.now + timedelta(hours=2))
    carrier.wait_for(lambda: len(receiver.about(code)) > 2, "another attempt")
    rest = carrier.rest()
    assert not rest["at_rest"]
    assert "undelivered" in str(rest["why"])

    receiver.answer = lambda _: 200
    carrier.settle()
    attempts = receiver.about(code)
    assert len({message.body for message in attempts}) == 1, "the same event, whatever the attempt"
    event = carrier.http.get(f"/v2/events/{attempts[0].event['id']}").json()
    assert (event["pending_urls"], event["completed_urls"]) == ([], [receiver.url])


def test_what_is_owed_to_a_forgotten_receiver_is_dropped(carrier: CarrierProcess, buy: Buy, receiver: Receiver) -> None:
    receiver.answer = lambda _: 500
    set_out(carrier, buy)
    carrier.clock.step_to(carrier.clock.now + timedelta(hours=2))
    carrier.wait_for(lambda: not carrier.rest()["at_rest"] and receiver.messages, "an attempt")
    forget(carrier, receiver)
    carrier.settle()


def test_a_changed_secret_signs_what_is_told_from_then_on(
    carrier: CarrierProcess, client: EasyPostClient, buy: Buy, receiver: Receiver
) -> None:
    hook = next(each for each in client.webhook.all()["webhooks"] if each.url == receiver.url)
    client.webhook.update(hook.id, webhook_secret="another word")  # pragma: allowlist secret
    receiver.answer = lambda _: 200
    code = set_out(carrier, buy)
    carrier.advance(timedelta(hours=13))
    assert statuses(receiver.about(code)) == IN_ORDER
    for message in receiver.about(code):
        assert not message.is_genuine(), "signed with the secret of before"
        validate_webhook(message.body, message.headers, "another word")


def test_rest_says_when_something_is_due_next(carrier: CarrierProcess, buy: Buy) -> None:
    code = str(buy()["tracking_code"])
    soon = carrier.clock.now + timedelta(seconds=1)
    steps = [{"at": soon.isoformat(), "status": "in_transit", "status_detail": "picked_up"}]
    script(carrier, tracking_code=code, steps=steps)
    hand_over(carrier, code)
    carrier.settle()
    before = carrier.rest()
    assert before["next_due"] == soon.isoformat().replace("+00:00", "Z")
    carrier.advance(timedelta(seconds=1))
    assert int(str(carrier.rest()["activity"])) > int(str(before["activity"]))
