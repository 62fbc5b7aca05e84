"""Requests written from our own documents, each about what the answer before it named: none is a fault of ours."""

import pytest
import schemathesis
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput

from deploy.local.stack import LocalStack
from tests.fuzz.budget import examples
from tests.fuzz.sender import SERVICES, Case, Sender, document
from tests.fuzz.trade import Trade

# What calls about something that an answer named are answered with, at least: some of them are done, most are not legal
# for it now. No operation of shipping takes what another of them names.
LEADS_TO = {"orders": {200, 400}, "inventory": {400}, "care": {400}, "shipping": set[int]()}


@pytest.mark.security(6)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_no_chain_of_requests_is_a_fault_of_ours(service: str, stack: LocalStack, trade: Trade) -> None:
    sender = Sender(stack, service, trade.key, trade.order)
    followed: set[int] = set()

    class Chain(document(sender).as_state_machine()):  # type: ignore[misc]  # made at run time
        def before_call(self, case: Case) -> None:
            sender.prepare(case)

        def get_call_kwargs(self, case: Case) -> dict[str, object]:
            return sender.how(case)

        def validate_response(self, response: schemathesis.Response, case: Case, **_: object) -> None:
            sender.judge(case, response)

        def step(self, input: StepInput) -> StepOutput | None:  # noqa: A002 - schemathesis names it
            output: StepOutput | None = super().step(input)
            if input.transition is not None and output is not None:
                followed.add(output.response.status_code // 100 * 100)
            return output

    Chain.run(settings=examples(6, steps=15))

    assert followed >= LEADS_TO[service]
