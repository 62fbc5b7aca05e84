"""What the embedded stack tells its processes, held against the settings classes and the event handlers."""

import json
from pathlib import Path
from typing import cast

import pytest
from pydantic_settings import BaseSettings

from deploy.carrier_simulator.settings import Settings as SimulatorSettings
from deploy.local import names, ports
from deploy.local.commands import Options, command_of, environment_of
from deploy.local.credentials import load_or_create
from deploy.local.site import Site
from deploy.local.stack import LocalStack
from shared.auth import Role, TokenVerifier, mint_token
from tests.deploy.settings_classes import fields_of, platform_fields, service_settings


def _site(home: Path) -> Site:
    return Site(home, ports.fixed(None, {}), load_or_create(home))


@pytest.mark.parametrize("service", names.SERVICES)
def test_every_variable_is_a_setting_and_every_required_setting_has_one(tmp_path: Path, service: str) -> None:
    given = set(environment_of(_site(tmp_path), Options(), service))
    expected = platform_fields() | fields_of(service_settings(service))
    assert given <= expected.keys()
    assert {name for name, required in expected.items() if required} <= given


def test_the_console_gets_what_its_settings_ask_for(tmp_path: Path) -> None:
    given = set(command_of(_site(tmp_path), Options(), names.CONSOLE).environment)
    expected = platform_fields() | fields_of(service_settings(names.CONSOLE))
    assert given <= expected.keys()
    assert {name for name, required in expected.items() if required} <= given


def test_a_home_made_before_the_console_gets_what_it_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    first = load_or_create(tmp_path)
    path = tmp_path / "secrets.json"
    document = json.loads(path.read_text())
    del document["console_passwords"]
    del document["service_passwords"][names.CONSOLE]
    path.write_text(json.dumps(document))
    again = load_or_create(tmp_path)
    assert again.service_passwords.keys() == first.service_passwords.keys()
    assert again.service_passwords["orders"] == first.service_passwords["orders"]
    assert again.staff_key == first.staff_key
    assert again.console_passwords.keys() == first.console_passwords.keys()
    assert load_or_create(tmp_path) == again


def test_the_simulator_gets_what_its_settings_ask_for(tmp_path: Path) -> None:
    given = set(command_of(_site(tmp_path), Options(), names.SIMULATOR).environment)
    expected = platform_fields() | fields_of(cast("type[BaseSettings]", SimulatorSettings))
    assert given <= expected.keys()
    assert {name for name, required in expected.items() if required} <= given


async def test_the_table_of_subscriptions_tells_what_each_worker_reads(stack: LocalStack) -> None:
    reports = (await stack.ask_workers()).reports
    told = {name: report.consumed.keys() for name, report in reports.items() if report is not None}
    topics = {name.removesuffix("-worker"): {f"doorstep.{source}" for source in read} for name, read in told.items()}
    assert topics == {service: set(names.SUBSCRIPTIONS[service]) for service in stack.options.services}


@pytest.mark.parametrize("service", names.SERVICES)
def test_services_verify_the_tokens_of_staff_and_of_each_other(tmp_path: Path, service: str) -> None:
    credentials = _site(tmp_path).credentials
    verifier = TokenVerifier(credentials.token_public_keys)
    staff = mint_token(credentials.staff_key.private_setting, subject="ann", role=Role.PICKER)
    assert verifier.verify(staff).actor == "picker:ann"
    private = credentials.service_keys[service].private_setting
    assert verifier.verify(mint_token(private, subject=service, role=Role.SERVICE)).subject == service
