"""The Kubernetes manifests, held against the settings, entry points, ports and the gateway's services."""

import importlib.util
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pydantic import TypeAdapter

from deploy.local import names
from shared.kafka import PARTITIONS
from shared.settings import PublicUrl
from tests.deploy.settings_classes import fields_of, platform_fields, service_settings

_HOME = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
_DOORS = [*names.SERVICES, names.CONSOLE]
Manifest = dict[str, Any]


def _read(path: str) -> list[Manifest]:
    return cast("list[Manifest]", list(yaml.safe_load_all((_HOME / path).read_text())))


def _shape(path: str, kind: str) -> Manifest:
    (found,) = [one for one in _read(path) if one["kind"] == kind]
    return found


def _container(path: str, kind: str = "Deployment") -> Manifest:
    (container,) = _shape(path, kind)["spec"]["template"]["spec"]["containers"]
    return cast("Manifest", container)


def _overlay(service: str) -> Manifest:
    (found,) = _read(f"{service}/kustomization.yml")
    return found


def _settings(service: str) -> dict[str, str]:
    (generated,) = _overlay(service)["configMapGenerator"]
    pairs = [literal.partition("=") for literal in generated["literals"]]
    return {name: value for name, _, value in pairs}


def _platform() -> dict[str, str]:
    return cast("dict[str, str]", _shape("suite.yml", "ConfigMap")["data"])


def _secrets(service: str) -> tuple[str, set[str]]:
    """Give a service's secret and what README.md says is in it."""
    rows = re.findall(r"^\| (doorstep-[a-z]+) \| (.+) \|$", (_HOME / "README.md").read_text(), re.MULTILINE)
    variables = dict(rows)[f"doorstep-{service}"]
    return f"doorstep-{service}", set(variables.split(", "))


def test_every_service_is_started_and_only_the_console_has_no_worker() -> None:
    (whole,) = _read("kustomization.yml")
    assert [one for one in whole["resources"] if one != "suite.yml"] == _DOORS
    for service in _DOORS:
        workers = [] if service == names.CONSOLE else ["../worker"]
        assert _overlay(service)["resources"] == ["../door", *workers]
        assert _overlay(service)["namePrefix"] == f"{service}-"
        assert _overlay(service)["labels"][0]["pairs"] == {"service": service}


@pytest.mark.parametrize("service", _DOORS)
def test_every_variable_is_a_setting_and_every_required_setting_has_one(service: str) -> None:
    secret, variables = _secrets(service)
    given = _settings(service).keys() | _platform().keys() | variables
    known = platform_fields() | fields_of(service_settings(service))
    assert given - {"DOORSTEP_SERVICE"} <= known.keys()
    assert {name for name, required in known.items() if required} <= given
    assert not {name for name in _settings(service) if re.search("SECRET|PASSWORD|_KEY|DATABASE_URL", name)}
    assert secret in (_HOME / service / "kustomization.yml").read_text()


def test_customers_are_led_to_one_address_by_messages_and_by_replies() -> None:
    console, read = _settings(names.CONSOLE), TypeAdapter(PublicUrl)
    assert _settings("care")["CARE_STATUS_URL"] == console["CONSOLE_STATUS_URL"]
    for name in ("CONSOLE_STATUS_URL", "CONSOLE_PUBLIC_URL"):
        assert read.validate_python(console[name]).scheme == "https"


@pytest.mark.parametrize(("path", "kind", "verb"), [
    ("door/api.yml", "Deployment", "api"),
    ("worker/worker.yml", "Deployment", "worker"),
    ("door/migrate.yml", "Job", "migrate"),
])  # fmt: skip
def test_a_command_starts_an_entry_point_of_every_service(path: str, kind: str, verb: str) -> None:
    python, flag, module, wanted = _container(path, kind)["command"]
    assert (python, flag, wanted) == ("python", "-m", verb)
    for service in _DOORS:
        assert _settings(service)["DOORSTEP_SERVICE"] == service
        assert importlib.util.find_spec(module.replace("$(DOORSTEP_SERVICE)", service)) is not None


@pytest.mark.parametrize("service", _DOORS)
def test_processes_listen_where_they_are_asked(service: str) -> None:
    settings = _settings(service)
    (door,) = _container("door/api.yml")["ports"]
    assert settings[names.port(service)] == str(door["containerPort"])
    (told,) = _shape("door/api.yml", "Service")["spec"]["ports"]
    assert told["targetPort"] == door["name"]
    if service != names.CONSOLE:
        (ops,) = _container("worker/worker.yml")["ports"]
        assert settings[names.ops_port(service)] == str(ops["containerPort"])
        assert _platform()[names.url(service)] == f"http://{service}-api:{told['port']}"


@pytest.mark.parametrize("path", ["door/api.yml", "worker/worker.yml"])
def test_health_is_asked_on_the_port_and_nothing_runs_as_root(path: str) -> None:
    container = _container(path)
    (port,) = container["ports"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": port["name"]}
    assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": port["name"]}
    pod = _shape(path, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["terminationGracePeriodSeconds"] > 20, "a process may take 20 seconds to finish"


def test_the_patches_meet_the_secrets_they_replace() -> None:
    for path, kind in (
        ("door/api.yml", "Deployment"),
        ("worker/worker.yml", "Deployment"),
        ("door/migrate.yml", "Job"),
    ):
        sources = _container(path, kind)["envFrom"]
        assert sources[2]["secretRef"]["name"] == "doorstep-service"
    assert _container("door/migrate.yml", "Job")["envFrom"][3]["secretRef"]["name"] == "doorstep-service-migrations"


def test_a_service_reads_with_no_more_workers_than_a_topic_has_partitions() -> None:
    scaled = _shape("worker/worker.yml", "ScaledObject")["spec"]
    (trigger,) = scaled["triggers"]
    assert scaled["maxReplicaCount"] == PARTITIONS
    assert trigger["metadata"]["consumerGroupFromEnv"] == "DOORSTEP_SERVICE"
    assert trigger["metadata"]["lagThreshold"] == "1000"
