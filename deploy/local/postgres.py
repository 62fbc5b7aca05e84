"""PostgreSQL of the embedded stack: a data directory that is kept, and the server's command line."""

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import asyncpg

from deploy.local import names
from deploy.local.components import postgres_directory, system_program
from deploy.local.errors import StartFailedError
from deploy.local.processes import Command, mark_of

# A data directory lives only as long as the tests do, so nothing needs to reach the disk.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    # It is taken as it is used. A long history's indexes must fit, or reservation slows down with it.
    "shared_buffers": "512MB",
    "max_wal_size": "1GB",
    "jit": "off",
    # A young table grows tenfold in a minute, and until it is analysed it is read as the small one it was.
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Its DETAIL would quote the row that was refused, and with it a customer.
    "log_error_verbosity": "terse",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_ACCOUNT_FOR_ROOT = "nobody"
_INITDB_SECONDS = 60


def initialise(directory: Path, password: str, *, throwaway: bool = False) -> None:
    """Make the data directory unless it is there; raises StartFailedError with what initdb said."""
    if (directory / "PG_VERSION").exists():
        return
    # A directory without a version is what an interrupted initdb leaves.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    password_file = directory.with_name(f"initial-password-{secrets.token_hex(4)}")
    try:
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        user_id = _user_id()
        if user_id is not None:
            os.chown(directory, user_id, user_id)
            os.chown(password_file, user_id, user_id)
        _run_initdb(directory, password_file, ["--no-sync"] if throwaway else [])
    finally:
        password_file.unlink(missing_ok=True)


def command(directory: Path, port: int, log: Path, *, throwaway: bool = False) -> Command:
    """Give the server's command; it never runs as root, which PostgreSQL refuses."""
    settings = {**_SETTINGS, "port": str(port), **(_THROWAWAY if throwaway else {})}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    program = str(postgres_directory() / "postgres")
    return Command(
        name=names.POSTGRES,
        argv=[*_as_other_user(directory), program, "-D", str(directory), *options],
        log=log,
        user_id=None if _as_other_user(directory) else _user_id(),
        # Fast shutdown: disconnect everybody, write a checkpoint.
        stop_signal=signal.SIGINT,
    )


async def is_ready(dsn: str) -> bool:
    """Say whether the server accepts this connection."""
    try:
        connection = await asyncpg.connect(dsn, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def remove_stale_lock(directory: Path) -> None:
    """Remove the pid file of a server that is gone and whose pid another program has by now."""
    lock = directory / "postmaster.pid"
    if not lock.exists():
        return
    holder = mark_of(int(lock.read_text().split(maxsplit=1)[0]))
    if holder is not None and str(directory) not in holder.command:
        lock.unlink()


def _run_initdb(directory: Path, password_file: Path, extra: list[str]) -> None:
    wrapper = _as_other_user(directory)
    argv = [
        *wrapper,
        str(postgres_directory() / "initdb"),
        *("-D", str(directory), "-U", names.ADMIN_ROLE, "--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--data-checksums", "--no-instructions", *extra),
    ]
    user_id = None if wrapper else _user_id()
    done = subprocess.run(  # noqa: S603 - our own argv
        argv,
        capture_output=True,
        text=True,
        check=False,
        timeout=_INITDB_SECONDS,
        user=user_id,
        group=user_id,
        extra_groups=[] if user_id is not None else None,
    )
    if done.returncode:
        raise StartFailedError(f"initdb failed with code {done.returncode}:\n{done.stdout}{done.stderr}")


def _user_id() -> int | None:
    return pwd.getpwnam(_ACCOUNT_FOR_ROOT).pw_uid if os.geteuid() == 0 else None


def _as_other_user(directory: Path) -> list[str]:
    """Wrap the command of root where the other account could not even reach the files, as below /root."""
    user_id = _user_id()
    if user_id is None or (_is_reachable(directory) and _is_reachable(postgres_directory() / "postgres")):
        return []
    setpriv = system_program("setpriv", "root needs it (util-linux) to run PostgreSQL in a private directory")
    return [
        str(setpriv),
        *(f"--reuid={user_id}", f"--regid={user_id}", "--clear-groups"),
        # Without the bit, access(2) would ignore the capability and initdb not find itself.
        "--securebits=+no_setuid_fixup",
        *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"),
    ]


def _is_reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
