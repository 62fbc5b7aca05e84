"""A real Apache Kafka from its Maven Central jars: one node, KRaft, for tests and comparison."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.local import names
from deploy.local.components import system_program
from deploy.local.errors import StartFailedError
from deploy.local.processes import Command
from shared import kafka

_DIRECTORY = Path(__file__).resolve().parents[1] / "kafka"
_JARS = _DIRECTORY / "target" / "jars"
_RESOLVE_SECONDS = 600
_FORMAT_SECONDS = 60
_STOP_SECONDS = 15.0
# One node's storage is never joined by another's, so the id need not differ between homes.
_CLUSTER_ID = "ZG9vcnN0ZXBkb29yc3RlcA"
_JAVA_NEEDED = "the real Kafka needs a Java of version 17 or newer (Debian: apt-get install openjdk-17-jre-headless)"
_MAVEN_NEEDED = "Maven fetches the real Kafka's jars (Debian: apt-get install maven)"


def prepare(home: Path, port: int, controller_port: int) -> None:
    """Fetch the jars once and format the storage once; raises StackError with the way out."""
    if not _JARS.is_dir():
        _fetch_jars()
    properties = home / "server.properties"
    home.mkdir(parents=True, exist_ok=True)
    chosen = settings(home / "data", port, controller_port)
    properties.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
    if not (home / "data" / "meta.properties").exists():
        _run([*_java(), "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)])


def version() -> str:
    """Give the version that is fetched."""
    return str(re.findall(r"<kafka.version>(.+)</kafka.version>", (_DIRECTORY / "pom.xml").read_text())[0])


def command(home: Path, log: Path) -> Command:
    """Give the server's command; `prepare` comes before it."""
    argv = [*_java(), "kafka.Kafka", str(home / "server.properties")]
    return Command(name=names.BROKER, argv=argv, log=log, stop_seconds=_STOP_SECONDS)


def _java() -> list[str]:
    return [
        str(system_program("java", _JAVA_NEEDED)),
        *("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        *("-cp", f"{_DIRECTORY / 'config'}:{_JARS}/*"),
    ]


def settings(data: Path, port: int, controller_port: int) -> Mapping[str, str]:
    """Give the server's properties: one node that is broker and controller, reachable from this machine."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        # Below the default of 6 s, so that tests may notice a dead worker soon.
        "group.min.session.timeout.ms": "1000",
        "num.partitions": str(kafka.PARTITIONS),
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "log.retention.hours": "168",
        "log.segment.bytes": str(64 * 1024 * 1024),
    }


def _fetch_jars() -> None:
    maven = system_program("mvn", _MAVEN_NEEDED)
    partial = _JARS.with_name("jars.partial")
    _run(
        [
            *(str(maven), "-q", "-f", str(_DIRECTORY / "pom.xml"), "dependency:copy-dependencies"),
            *(f"-DoutputDirectory={partial}", "-DincludeScope=runtime"),
        ],
        seconds=_RESOLVE_SECONDS,
    )
    partial.rename(_JARS)


def _run(argv: list[str], seconds: float = _FORMAT_SECONDS) -> None:
    done = subprocess.run(  # noqa: S603 - our own argv
        argv, capture_output=True, text=True, check=False, timeout=seconds
    )
    if done.returncode:
        raise StartFailedError(f"{' '.join(argv[:1])} failed:\n{(done.stdout + done.stderr)[-4000:]}")


if __name__ == "__main__":
    from deploy.local import kafka_alone

    kafka_alone.main()
