"""docker-compose.yml, the Dockerfile and the gateway, held against the settings, entry points and ports."""

import importlib.util
import json
import re
from pathlib import Path
from typing import TypedDict, cast

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings

from cli.target import STAFF_KEY
from deploy.carrier_simulator.settings import Settings as SimulatorSettings
from deploy.local import databases, names, topics
from deploy.local.commands import ALLOCATOR
from shared.settings import PublicUrl
from tests.deploy.settings_classes import fields_of, platform_fields, service_settings

_ROOT = Path(__file__).resolve().parents[2]
_VERBS = {"api", "worker", "migrate"}
_PROCESSES = [(service, verb) for service in names.SERVICES for verb in sorted(_VERBS)]
# Pages are asked for, they do nothing by themselves: no worker.
_PROCESSES += [(names.CONSOLE, verb) for verb in sorted(_VERBS - {"worker"})]
_REFERENCE = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")
_PINNED = re.compile(r"^[\w./-]+:\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$")
_ONE_SHOTS = {"databases": "deploy.local.databases", "topics": "deploy.local.topics"}


class Service(TypedDict, total=False):
    """What of a compose service is looked at here."""

    image: str
    command: list[str]
    entrypoint: list[str]
    environment: dict[str, str]
    depends_on: dict[str, dict[str, str]]
    healthcheck: dict[str, list[str]]
    profiles: list[str]
    ports: list[str]
    expose: list[str]
    restart: str
    cap_drop: list[str]
    read_only: bool


def _text() -> str:
    return (_ROOT / "docker-compose.yml").read_text()


def _services() -> dict[str, Service]:
    return cast("dict[str, Service]", yaml.safe_load(_text())["services"])


def _own() -> dict[str, Service]:
    return {name: service for name, service in _services().items() if service["image"].startswith("doorstep:")}


def _example() -> dict[str, bool]:
    """Give the variables of .env.example; True for those that must be filled in."""
    lines = (_ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"(#?)([A-Z_]+)=.*", line) for line in lines]
    return {match[2]: not match[1] for match in found if match}


@pytest.mark.parametrize(("service", "verb"), _PROCESSES)
def test_every_variable_is_a_setting_and_every_required_setting_has_one(service: str, verb: str) -> None:
    given = set(_services()[f"{service}-{verb}"]["environment"])
    own = fields_of(service_settings(service))
    assert given <= platform_fields().keys() | own.keys()
    assert {name for name, required in (platform_fields() | own).items() if required} <= given
    assert (names.migrations_database_url(service) in given) == (verb == "migrate")


def test_the_simulator_gets_what_its_settings_ask_for() -> None:
    given = set(_services()["simulator"]["environment"])
    fields = fields_of(cast("type[BaseSettings]", SimulatorSettings))
    assert given <= fields.keys()
    assert {name for name, required in fields.items() if required} <= given
    assert _services()["simulator"]["profiles"] == ["simulator"]


def test_the_one_shots_get_what_they_read() -> None:
    plans = {f(service) for service in names.DATABASES for f in (names.database_url, names.migrations_database_url)}
    assert set(_services()["databases"]["environment"]) == {
        databases.ADMIN_URL,
        databases.READONLY_PASSWORD,
        *plans,
    }
    assert set(_services()["topics"]["environment"]) == {names.KAFKA_BOOTSTRAP, topics.REPLICATION}


def test_the_command_line_reads_every_database_by_the_role_that_was_made_for_it() -> None:
    line = _services()["doorstep"]
    assert line["profiles"] == ["operator"]
    made = _services()["databases"]["environment"]
    assert line["environment"][STAFF_KEY] == _services()["console-api"]["environment"]["CONSOLE_STAFF_PRIVATE_KEY"]
    for service in names.SERVICES:
        role = f"{names.READONLY_ROLE}:{made[databases.READONLY_PASSWORD]}"
        given = line["environment"][names.readonly_database_url(service)]
        assert given == f"postgresql://{role}@postgres:5432/{service}"
        assert names.url(service) in line["environment"]


@pytest.mark.parametrize("service", names.DATABASES)
def test_the_database_a_service_uses_is_the_one_that_is_made_for_it(service: str) -> None:
    made = _services()["databases"]["environment"]
    migrating = _services()[f"{service}-migrate"]["environment"]
    for name in (names.database_url(service), names.migrations_database_url(service)):
        assert made[name] == migrating[name]
    filled = {name: _REFERENCE.sub("word", value) for name, value in made.items()}
    plan = databases.plan_from_environment(service, filled)
    assert (plan.database, plan.service.role, plan.owner.role) == (service, service, f"{service}_owner")


def test_every_command_starts_an_entry_point_that_exists() -> None:
    expected = {f"{service}-{verb}" for service, verb in _PROCESSES}
    assert set(_own()) == expected | _ONE_SHOTS.keys() | {"simulator", "doorstep"}
    for name, service in _own().items():
        python, flag, module, *verb = service.get("entrypoint") or service["command"]
        assert (python, flag) == ("python", "-m")
        if name in expected:
            owner, _, wanted = name.rpartition("-")
            assert (module, verb) == (f"services.{owner}", [wanted])
        package = importlib.util.find_spec(module)
        assert package is not None, module
        runnable = f"{module}.__main__" if package.submodule_search_locations else module
        assert importlib.util.find_spec(runnable) is not None, runnable


def test_health_checks_ask_the_port_the_process_listens_on() -> None:
    for name, service in _own().items():
        if service["restart"] == "no":
            continue
        owner, _, verb = name.rpartition("-")
        variable = names.SIMULATOR_PORT
        if owner:
            variable = names.port(owner) if verb == "api" else names.ops_port(owner)
        port = service["environment"][variable]
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "deploy.local.probe", port]
        assert service["expose"] == [port]


def test_services_call_one_another_where_they_listen() -> None:
    for service in names.SERVICES:
        port = _services()[f"{service}-api"]["environment"][names.port(service)]
        for other in names.SERVICES:
            environment = _services()[f"{other}-worker"]["environment"]
            assert environment[names.url(service)] == f"http://{service}-api:{port}"


@pytest.mark.parametrize("service", names.SERVICES)
def test_nothing_starts_before_what_it_needs(service: str) -> None:
    done, healthy = "service_completed_successfully", "service_healthy"
    migrated = {f"{service}-migrate": {"condition": done}}
    assert _services()[f"{service}-api"]["depends_on"] == migrated
    assert _services()[f"{service}-worker"]["depends_on"] == {**migrated, "topics": {"condition": done}}
    assert _services()[f"{service}-migrate"]["depends_on"] == {"databases": {"condition": done}}
    assert _services()["databases"]["depends_on"] == {"postgres": {"condition": healthy}}
    assert _services()["topics"]["depends_on"] == {"kafka": {"condition": healthy}}
    console = {"console-migrate": {"condition": done}}
    assert _services()["console-api"]["depends_on"] == console
    for needed in ("postgres", "kafka", "gateway"):
        assert _services()[needed]["healthcheck"]["test"]


@pytest.mark.security(13)
def test_no_secret_has_a_default() -> None:
    assert not re.search(r"\$\w", _text()), "only the braced form can refuse an empty value"
    for name, service in _services().items():
        for variable, value in service.get("environment", {}).items():
            if not re.search(r"SECRET|PASSWORD|API_KEY|PRIVATE_KEY|DATABASE_URL|ADMIN_URL", variable):
                continue
            references = _REFERENCE.findall(str(value))
            assert references, f"{name}: {variable} is written down"
            required = [kind == ":?" for _, kind, _ in references]
            assert all(required) or value == f"${{{variable}:-}}", f"{name}: {variable} has a default"


@pytest.mark.security(13)
def test_the_example_names_exactly_what_is_read() -> None:
    read = {name: kind == ":?" for name, kind, _ in _REFERENCE.findall(_text())}
    assert _example() == read
    filled = [line for line in (_ROOT / ".env.example").read_text().splitlines() if re.match(r"[A-Z_]+=.", line)]
    assert filled == [], "an example value is a default somebody keeps"


def test_customers_are_led_to_one_address_by_messages_and_by_replies() -> None:
    care, console = (_services()[f"{name}-api"]["environment"] for name in ("care", "console"))
    assert care["CARE_STATUS_URL"] == console["CONSOLE_STATUS_URL"]
    assert care["CARE_STATUS_URL"] == "${DOORSTEP_STATUS_URL:-https://${DOORSTEP_CONSOLE_ADDRESS}}"
    read = TypeAdapter(PublicUrl)
    assert str(read.validate_python("https://console.example.com")) == "https://console.example.com/"
    for wrong in ("", "status.example.com", "ftp://x.example", "https://x.example/?a=b", "https://x.example/#a",
                  "https://ada@x.example"):  # fmt: skip
        with pytest.raises(ValidationError):
            read.validate_python(wrong)


def test_every_image_is_pinned() -> None:
    foreign = [service["image"] for service in _services().values() if service not in _own().values()]
    dockerfile = (_ROOT / "deploy" / "Dockerfile").read_text()
    bases = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", dockerfile, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
    for image in (*foreign, *bases):
        assert _PINNED.match(image), image


def test_the_kafka_of_the_tests_is_the_kafka_of_production() -> None:
    pom = (_ROOT / "deploy" / "kafka" / "pom.xml").read_text()
    version = re.search(r"<kafka.version>(.+)</kafka.version>", pom)
    assert version is not None
    assert _services()["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_the_image_runs_as_nobody_in_particular_and_installs_by_hash() -> None:
    dockerfile = (_ROOT / "deploy" / "Dockerfile").read_text()
    last = dockerfile.rpartition("FROM ")[2]
    assert re.search(r"^USER (\d+):\d+$", last, re.MULTILINE), "a numeric user other than root"
    assert "USER 0" not in last
    assert "--require-hashes" in dockerfile
    assert dict(re.findall(r"^ENV (MALLOC\S+)=(\S+)$", last, re.MULTILINE)) == ALLOCATOR, "as in the local stack"
    (command,) = re.findall(r"^CMD (.+)$", last, re.MULTILINE)
    python, flag, module, verb = json.loads(command)
    assert (python, flag) == ("python", "-m")
    assert (module.removeprefix("services."), verb) in _PROCESSES, (
        "what it runs unless told otherwise is an entry point"
    )
    assert importlib.util.find_spec(f"{module}.__main__") is not None
    for copied in re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE):
        assert (_ROOT / copied).exists(), copied
    for name, service in _own().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"], name


def test_the_gateway_publishes_two_paths_and_the_console_and_is_the_only_one_published() -> None:
    caddyfile = (_ROOT / "deploy" / "gateway" / "Caddyfile").read_text()
    routes = re.findall(r"handle (/\S+) \{\s+reverse_proxy (\S+)", caddyfile)
    ports = {service: _services()[f"{service}-api"]["environment"][names.port(service)] for service in names.SERVICES}
    console = _services()["console-api"]["environment"][names.port(names.CONSOLE)]
    assert routes == [
        ("/v1/*", f"orders-api:{ports['orders']}"),
        ("/carriers/*", f"shipping-api:{ports['shipping']}"),
        ("/*", f"console-api:{console}"),
    ]
    sites = re.findall(r"^\{\$(\w+)\} \{", caddyfile, re.MULTILINE)
    assert sites == ["DOORSTEP_SITE_ADDRESS", "DOORSTEP_CONSOLE_ADDRESS"], "the console shares its name with nothing"
    assert set(sites) <= _services()["gateway"]["environment"].keys()
    assert [name for name, service in _services().items() if service.get("ports")] == ["gateway"]
    probe = re.search(r"127\.0\.0\.1:(\d+)", " ".join(_services()["gateway"]["healthcheck"]["test"]))
    assert probe is not None
    assert f"http://:{probe[1]} " in caddyfile


def test_the_broker_makes_no_topic_by_accident_and_lets_a_groups_first_member_start_at_once() -> None:
    environment = _services()["kafka"]["environment"]

    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert environment["KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS"] == "0"


@pytest.mark.security(11, 12)
def test_the_databases_log_quotes_no_row() -> None:
    assert "log_error_verbosity=terse" in _services()["postgres"]["command"]
