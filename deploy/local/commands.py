"""The command line and environment of every process a stack runs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from deploy.local import broker, kafka_server, mailbox, names, postgres
from deploy.local.processes import Command
from deploy.local.site import SERVICE_ENTRY, Site

BrokerKind = Literal["tansu", "kafka"]

# Left alone, glibc keeps ever more of what a large batch needed once, and does not give it back; with an arena for each
# thread, several times over.
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
# It has no idempotent producers, and lets a joining worker wait for half the session of its members.
_TANSU = {names.KAFKA_IDEMPOTENT: "false", names.KAFKA_SESSION_SECONDS: "6"}


@dataclass(frozen=True)
class Options:
    """What a stack consists of."""

    services: Sequence[str] = names.SERVICES
    broker: BrokerKind = "tansu"
    simulator: bool = True
    console: bool = False
    # Nothing needs to survive a power cut: for tests only.
    throwaway: bool = False
    # The services' databases are there; each of their processes starts when somebody asks for it.
    asleep: bool = False
    # A stub takes the services' place where the stack itself is under test.
    entry: Sequence[str] = SERVICE_ENTRY
    # Added to every service's environment: failpoints, log level.
    environment: Mapping[str, str] = field(default_factory=dict)


def command_of(site: Site, options: Options, name: str) -> Command:
    """Give the command of one process; `<service>-<verb>` where it is none of the others."""
    special = _SPECIAL.get(name)
    if special is not None:
        return special(site, options)
    service, _, verb = name.rpartition("-")
    return service_command(site, options, name, service, verb)


def environment_of(site: Site, options: Options, service: str) -> dict[str, str]:
    """Give the environment in which all processes of a service run."""
    kafka = {names.KAFKA_IDEMPOTENT: "true"} if options.broker == "kafka" else _TANSU
    status = {names.STATUS_URL: site.url(names.CONSOLE)} if options.console and service == "care" else {}
    return {**site.environment(service), **kafka, **status, **options.environment}


def service_command(site: Site, options: Options, name: str, service: str, *verb: str) -> Command:
    """Give the command that runs a service's entry point with this verb."""
    return Command(
        name=name,
        argv=site.argv(service, *verb),
        log=site.log(name),
        environment={**ALLOCATOR, **environment_of(site, options, service)},
    )


def migrations_command(site: Site, options: Options) -> Command:
    """Give the command that brings all databases up to date in one go."""
    gathered = {name: value for service in options.services for name, value in site.environment(service).items()}
    console = [names.CONSOLE] if options.console else []
    if console:
        gathered.update(site.console_environment())
    return Command(
        name="migrations",
        argv=[sys.executable, "-m", "deploy.local.migrations", *options.services, *console],
        log=site.log("migrations"),
        environment=gathered,
    )


def _postgres(site: Site, options: Options) -> Command:
    port = site.ports[names.POSTGRES]
    return postgres.command(site.data, port, site.log(names.POSTGRES), throwaway=options.throwaway)


def _broker(site: Site, options: Options) -> Command:
    port, log = site.ports[names.BROKER], site.log(names.BROKER)
    if options.broker == "kafka":
        return kafka_server.command(site.kafka, log)
    return broker.command(port, log)


def _mailbox(site: Site, _: Options) -> Command:
    return mailbox.command(site.ports[names.MAILBOX], site.mail, site.log(names.MAILBOX))


def _simulator(site: Site, options: Options) -> Command:
    return Command(
        name=names.SIMULATOR,
        argv=[sys.executable, "-m", "deploy.carrier_simulator"],
        log=site.log(names.SIMULATOR),
        environment={**site.simulator_environment(), **options.environment},
    )


def _console(site: Site, options: Options) -> Command:
    return Command(
        name=names.CONSOLE,
        argv=[sys.executable, "-m", "services.console", "api"],
        log=site.log(names.CONSOLE),
        environment={**site.console_environment(), **options.environment},
    )


_SPECIAL: dict[str, Callable[[Site, Options], Command]] = {
    names.POSTGRES: _postgres,
    names.BROKER: _broker,
    names.MAILBOX: _mailbox,
    names.SIMULATOR: _simulator,
    names.CONSOLE: _console,
}
