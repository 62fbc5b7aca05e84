"""How a process proves itself to the broker, and the broker to it: as the settings say, read from the environment."""

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.local import names
from shared.kafka import security_of
from shared.settings import PlatformSettings
from tests.house_rules import tree

pytestmark = pytest.mark.security(10)

PASSWORD = "word of the broker"
GUIDE = (tree.ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def given(monkeypatch: pytest.MonkeyPatch, **settings: str) -> PlatformSettings:
    needed = {"kafka_bootstrap": "kafka.example:9093", "token_public_keys": ""}
    for name, value in {**needed, **settings}.items():
        monkeypatch.setenv(f"DOORSTEP_{name.upper()}", value)
    return PlatformSettings()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
def test_a_name_and_a_password_are_shown_to_the_broker(
    monkeypatch: pytest.MonkeyPatch, protocol: str, mechanism: str
) -> None:
    settings = given(
        monkeypatch,
        kafka_security_protocol=protocol, kafka_sasl_mechanism=mechanism,
        kafka_sasl_username="orders", kafka_sasl_password=PASSWORD,
    )  # fmt: skip

    options = security_of(settings)

    assert (options["security_protocol"], options["sasl_mechanism"]) == (protocol, mechanism)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("orders", PASSWORD)
    assert ("ssl_context" in options) == (protocol == "SASL_SSL")
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_the_brokers_certificate_and_name_are_verified(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    context = security_of(given(monkeypatch, kafka_security_protocol=protocol))["ssl_context"]

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_an_authority_of_ones_own_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    settings = given(monkeypatch, kafka_security_protocol="SSL", kafka_ca_file=str(missing))

    with pytest.raises(FileNotFoundError):
        security_of(settings)


@pytest.mark.parametrize(
    ("name", "value"), [("kafka_security_protocol", "TRUST_ME"), ("kafka_sasl_mechanism", "GSSAPI")]
)
def test_what_no_broker_speaks_is_refused_when_the_process_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError, match=name):
        given(monkeypatch, **{name: value})


def test_a_connection_in_the_clear_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert security_of(given(monkeypatch)) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("service", names.SERVICES)
def test_the_guide_says_what_each_service_may_do_at_the_broker(service: str) -> None:
    reads = ", ".join(f"`{topic}`" for topic in names.SUBSCRIPTIONS[service])

    assert f"| {service} | `doorstep.{service}` | {reads} | `doorstep.{service}` |" in GUIDE
