"""The shape that every service has, so that who knows one knows all."""

from collections.abc import Iterable, Iterator

REQUIRED = (
    "__init__",
    "__main__",
    "app",
    "api",
    "handlers",
    "jobs",
    "actions",
    "queries",
    "models",
    "schemas",
    "states",
    "errors",
    "settings",
    "migrations",
)
# What a service may hold beside the shape, because its trade needs it.
OWN: dict[str, frozenset[str]] = {
    "orders": frozenset({"storefronts", "promise"}),
    "inventory": frozenset(),
    "shipping": frozenset({"carriers"}),
    "care": frozenset({"rules", "policy", "clocks", "quantiles", "photos", "channels"}),
}


def members(service: str, paths: Iterable[str]) -> set[str]:
    """The modules and packages directly inside a service, by name."""
    prefix = f"services/{service}/"
    inside = [path.removeprefix(prefix) for path in paths if path.startswith(prefix) and path.endswith(".py")]
    return {path.split("/", 1)[0].removesuffix(".py") for path in inside}


def misshapen(service: str, paths: Iterable[str]) -> Iterator[str]:
    """What a service lacks of the common shape, and what it holds that the shape does not know."""
    found = members(service, paths)
    for name in sorted(set(REQUIRED) - found):
        yield f"services/{service} has no {name}"
    for name in sorted(found - set(REQUIRED) - OWN[service]):
        yield f"services/{service}/{name} is not part of the common shape"
