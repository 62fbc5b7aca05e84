"""The real Kafka's command and settings; that it runs, the tests against it show (make test-kafka)."""

from pathlib import Path

import pytest

from deploy.local import kafka_server
from deploy.local.errors import ComponentMissingError


def test_without_java_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ComponentMissingError, match=r"java is missing: .*Java of version 17.*apt-get install"):
        kafka_server.command(tmp_path, tmp_path / "log")


def test_topics_are_never_made_by_accident_and_groups_start_at_once(tmp_path: Path) -> None:
    settings = kafka_server.settings(tmp_path, 9092, 9093)
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["group.initial.rebalance.delay.ms"] == "0"
    assert settings["process.roles"] == "broker,controller"
    assert "://0.0.0.0" not in settings["listeners"], "for this machine only"
