"""One place where a stack lives: its home, ports and credentials, and what they mean as environment."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import names
from deploy.local.credentials import Credentials, sign_ins_path
from deploy.local.databases import Login, Plan, dsn
from deploy.local.names import DatabaseRole
from deploy.local.ports import Ports

_HOST = "127.0.0.1"
SERVICE_ENTRY = ("services.{service}",)
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    """Where a stack lives; everything here stays the same until its home is deleted, the ports excepted."""

    home: Path
    ports: Ports
    credentials: Credentials
    entry: Sequence[str] = SERVICE_ENTRY

    @property
    def clock_file(self) -> Path:
        """The stepped business clock; without the file, business time is real time."""
        return self.home / "clock"

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def mail(self) -> Path:
        return self.home / "mail"

    @property
    def kafka(self) -> Path:
        return self.home / "kafka"

    @property
    def bootstrap(self) -> str:
        return f"{_HOST}:{self.ports[names.BROKER]}"

    def log(self, process: str) -> Path:
        return self.home / "logs" / f"{process}.log"

    def url(self, process: str) -> str:
        """Give the address of a process that speaks HTTP."""
        return f"http://{_HOST}:{self.ports[process]}"

    def argv(self, service: str, *verb: str) -> list[str]:
        """Give the command line of a service's entry point."""
        module, *arguments = (part.format(service=service) for part in self.entry)
        return [sys.executable, "-m", module, *arguments, *verb]

    def readonly(self) -> Login:
        return Login(names.READONLY_ROLE, self.credentials.readonly_password)

    def plan(self, service: str) -> Plan:
        return Plan(
            database=service,
            service=Login(service, self.credentials.service_passwords[service]),
            owner=Login(f"{service}_owner", self.credentials.owner_passwords[service]),
        )

    def dsn(self, service: str, role: DatabaseRole = "service") -> str:
        """Give the connection to a service's database in one of the four roles."""
        plan = self.plan(service)
        login = {
            "service": plan.service,
            "owner": plan.owner,
            "readonly": self.readonly(),
            "admin": Login(names.ADMIN_ROLE, self.credentials.admin_password),
        }[role]
        return dsn(login, self._postgres_address, plan.database)

    @property
    def admin_dsn(self) -> str:
        login = Login(names.ADMIN_ROLE, self.credentials.admin_password)
        return dsn(login, self._postgres_address, "postgres")

    def environment(self, service: str) -> dict[str, str]:
        """Give what one service reads, api, worker and migrate alike."""
        own = {
            names.SERVICE_PRIVATE_KEY: self.credentials.service_keys[service].private_setting,
            names.database_url(service): self.dsn(service),
            names.migrations_database_url(service): self.dsn(service, "owner"),
            names.host(service): _HOST,
            names.port(service): str(self.ports[names.api_of(service)]),
            names.ops_port(service): str(self.ports[names.worker_of(service)]),
            names.secret(service): self.credentials.service_secrets[service],
        }
        return {**self.platform_environment(), **own, **self._outside(service)}

    def platform_environment(self) -> dict[str, str]:
        """Give what every process of the suite reads."""
        addresses = {names.url(service): self.url(names.api_of(service)) for service in names.SERVICES}
        stepped = {names.CLOCK_FILE: str(self.clock_file)} if self.clock_file.exists() else {}
        return {
            names.ENVIRONMENT: "local",
            names.KAFKA_BOOTSTRAP: self.bootstrap,
            names.TOKEN_PUBLIC_KEYS: self.credentials.token_public_keys,
            **addresses,
            **stepped,
        }

    def console_environment(self) -> dict[str, str]:
        """Give what the console reads."""
        service = names.CONSOLE
        return {
            **self.platform_environment(),
            names.database_url(service): self.dsn(service),
            names.migrations_database_url(service): self.dsn(service, "owner"),
            names.host(service): _HOST,
            names.port(service): str(self.ports[service]),
            names.secret(service): self.credentials.service_secrets[service],
            names.CONSOLE_STAFF_PRIVATE_KEY: self.credentials.staff_key.private_setting,
            names.CONSOLE_PUBLIC_URL: self.url(service),
            names.CONSOLE_LOCAL_STAFF: str(sign_ins_path(self.home)),
        }

    def simulator_environment(self) -> dict[str, str]:
        """Give what the carrier simulator reads."""
        return {
            **self.platform_environment(),
            names.SIMULATOR_HOST: _HOST,
            names.SIMULATOR_PORT: str(self.ports[names.SIMULATOR]),
            names.SIMULATOR_API_KEY: self.credentials.carrier_api_key,
            names.SIMULATOR_WEBHOOK_SECRET: self.credentials.carrier_webhook_secret,
            names.SIMULATOR_STATE: str(self.home / "simulator.sqlite"),
        }

    @property
    def _postgres_address(self) -> str:
        return f"{_HOST}:{self.ports[names.POSTGRES]}"

    def _outside(self, service: str) -> dict[str, str]:
        if service == "shipping":
            return {
                names.CARRIER_URL: self.url(names.SIMULATOR),
                names.CARRIER_API_KEY: self.credentials.carrier_api_key,
                names.CARRIER_WEBHOOK_SECRET: self.credentials.carrier_webhook_secret,
                names.SHIPPING_PUBLIC_URL: self.url(names.api_of("shipping")),
            }
        if service == "care":
            return {names.SMTP_HOST: _HOST, names.SMTP_PORT: str(self.ports[names.MAILBOX])}
        return {}
