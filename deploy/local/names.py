"""Names that the stack, the tests and the settings classes share: services, roles, environment variables."""

from typing import Final, Literal

SERVICES: Final = ("orders", "inventory", "shipping", "care")
# The staff's web pages: a process with a database, but no service: it has no events and no work of its own.
CONSOLE: Final = "console"
DATABASES: Final = (*SERVICES, CONSOLE)
TOPICS: Final = tuple(f"doorstep.{service}" for service in SERVICES)

# What each service's worker reads; a test holds it against the handlers.
SUBSCRIPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "orders": ("doorstep.inventory", "doorstep.shipping", "doorstep.care"),
    "inventory": ("doorstep.orders", "doorstep.shipping"),
    "shipping": ("doorstep.orders", "doorstep.inventory"),
    "care": ("doorstep.orders", "doorstep.inventory", "doorstep.shipping"),
}

DatabaseRole = Literal["service", "owner", "readonly", "admin"]
READONLY_ROLE: Final = "doorstep_readonly"
ADMIN_ROLE: Final = "postgres"

POSTGRES: Final = "postgres"
BROKER: Final = "broker"
CONTROLLER: Final = "controller"
SIMULATOR: Final = "simulator"
MAILBOX: Final = "mailbox"
SUPERVISOR: Final = "supervisor"

ENVIRONMENT: Final = "DOORSTEP_ENVIRONMENT"
KAFKA_BOOTSTRAP: Final = "DOORSTEP_KAFKA_BOOTSTRAP"
KAFKA_IDEMPOTENT: Final = "DOORSTEP_KAFKA_IDEMPOTENT"
KAFKA_SESSION_SECONDS: Final = "DOORSTEP_KAFKA_SESSION_SECONDS"
CLOCK_FILE: Final = "DOORSTEP_CLOCK_FILE"
CLOCK_SKEW_SECONDS: Final = "DOORSTEP_CLOCK_SKEW_SECONDS"
TOKEN_PUBLIC_KEYS: Final = "DOORSTEP_TOKEN_PUBLIC_KEYS"  # noqa: S105 - a name, not a secret
SERVICE_PRIVATE_KEY: Final = "DOORSTEP_SERVICE_PRIVATE_KEY"

CARRIER_URL: Final = "SHIPPING_CARRIER_URL"
CARRIER_API_KEY: Final = "SHIPPING_CARRIER_API_KEY"
CARRIER_WEBHOOK_SECRET: Final = "SHIPPING_CARRIER_WEBHOOK_SECRET"  # noqa: S105 - a name, not a secret
SHIPPING_PUBLIC_URL: Final = "SHIPPING_PUBLIC_URL"
SMTP_HOST: Final = "CARE_SMTP_HOST"
SMTP_PORT: Final = "CARE_SMTP_PORT"
STATUS_URL: Final = "CARE_STATUS_URL"

CONSOLE_STAFF_PRIVATE_KEY: Final = "CONSOLE_STAFF_PRIVATE_KEY"
CONSOLE_PUBLIC_URL: Final = "CONSOLE_PUBLIC_URL"
CONSOLE_LOCAL_STAFF: Final = "CONSOLE_LOCAL_STAFF"

SIMULATOR_HOST: Final = "SIMULATOR_HOST"
SIMULATOR_PORT: Final = "SIMULATOR_PORT"
SIMULATOR_API_KEY: Final = "SIMULATOR_API_KEY"
SIMULATOR_WEBHOOK_SECRET: Final = "SIMULATOR_WEBHOOK_SECRET"  # noqa: S105 - a name, not a secret
SIMULATOR_STATE: Final = "SIMULATOR_STATE"
SIMULATOR_SEED: Final = "SIMULATOR_SEED"

HOME: Final = "DOORSTEP_HOME"
BROKER_KIND: Final = "DOORSTEP_BROKER"
PORT_BASE: Final = "DOORSTEP_PORT_BASE"


def api_of(service: str) -> str:
    """Name the process that answers a service's HTTP."""
    return f"{service}-api"


def worker_of(service: str) -> str:
    """Name the process that relays, consumes and runs the jobs of a service."""
    return f"{service}-worker"


def database_url(service: str) -> str:
    """Name the variable with the connection of the service's own role."""
    return f"{service.upper()}_DATABASE_URL"


def migrations_database_url(service: str) -> str:
    """Name the variable with the connection of the role that owns the tables."""
    return f"{service.upper()}_MIGRATIONS_DATABASE_URL"


def readonly_database_url(service: str) -> str:
    """Name the variable with the connection by which `doorstep check` reads the service's database."""
    return f"{service.upper()}_READONLY_DATABASE_URL"


def host(service: str) -> str:
    """Name the variable with the address the service listens on."""
    return f"{service.upper()}_HOST"


def port(service: str) -> str:
    """Name the variable with the port of the service's API."""
    return f"{service.upper()}_PORT"


def ops_port(service: str) -> str:
    """Name the variable with the port of the worker's health and metrics."""
    return f"{service.upper()}_OPS_PORT"


def secret(service: str) -> str:
    """Name the variable with the service's secret for HMACs."""
    return f"{service.upper()}_SECRET"


def url(service: str) -> str:
    """Name the variable with the address at which others call the service."""
    return f"DOORSTEP_{service.upper()}_URL"


def port_override(process: str) -> str:
    """Name the variable that sets the port of one process of the embedded stack."""
    return f"DOORSTEP_PORT_{process.upper().replace('-', '_')}"
