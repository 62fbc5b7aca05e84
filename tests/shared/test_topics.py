"""Topics are as wide as keys need them, or nobody sends to them."""

from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NodeNotReadyError

from shared import kafka, topics
from shared.ids import new_id
from shared.kafka import Producer, TopicRefusedError
from tests.shared.conftest import Plumbing, completed, message

_SET_FOR_THE_TOPIC = 1  # where a setting comes from, in the broker's answer; 5 would be the broker's own


async def _create_by_hand(plumbing: Plumbing, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=plumbing.settings.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def test_a_topic_with_other_partitions_is_refused(plumbing: Plumbing) -> None:
    topic = f"doorstep.narrow-{new_id()}"
    await _create_by_hand(plumbing, topic, 3)
    with pytest.raises(TopicRefusedError, match=f"{topic} has 3 partitions, not 12"):
        await topics.create_topics(plumbing.settings, [topic])


async def test_a_topic_that_is_there_as_it_should_be_is_left_alone(plumbing: Plumbing) -> None:
    topic = f"doorstep.wide-{new_id()}"
    for _ in range(2):
        await topics.create_topics(plumbing.settings, [topic])
    assert len(await topics.end_offsets(plumbing.settings, [topic])) == kafka.PARTITIONS


async def test_a_broker_that_is_ready_only_a_moment_later_is_asked_again(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, refusals, list_topics = f"doorstep.early-{new_id()}", [NodeNotReadyError()], AIOKafkaAdminClient.list_topics

    async def not_ready_yet(admin: AIOKafkaAdminClient) -> list[str]:
        if refusals:
            raise refusals.pop()
        return list(await list_topics(admin))

    monkeypatch.setattr(AIOKafkaAdminClient, "list_topics", not_ready_yet)
    await topics.create_topics(plumbing.settings, [topic])
    assert refusals == []
    assert len(await topics.end_offsets(plumbing.settings, [topic])) == kafka.PARTITIONS


@pytest.mark.kafka_only
async def test_a_topic_that_the_broker_refuses_is_not_taken_for_made(plumbing: Plumbing) -> None:
    """Aiokafka gives a topic's error as a result; the embedded broker refuses no replication."""
    with pytest.raises(TopicRefusedError, match="InvalidReplicationFactor"):
        await topics.create_topics(plumbing.settings, [f"doorstep.copies-{new_id()}"], replication=3)


async def test_nothing_is_sent_to_a_topic_that_lacks_partitions(plumbing: Plumbing) -> None:
    topic = f"doorstep.lacking-{new_id()}"
    await _create_by_hand(plumbing, topic, 3)
    producer = Producer(plumbing.settings, "test")
    await producer.start()
    with pytest.raises(TopicRefusedError, match=f"{topic} has 3 partitions, not 12"):
        await producer.send([replace(message(completed(), 1), topic=topic)])
    await producer.close()


@pytest.mark.kafka_only
async def test_a_broker_that_compresses_leaves_our_records_as_they_were_sent(plumbing: Plumbing) -> None:
    topic = f"doorstep.plain-{new_id()}"
    await topics.create_topics(plumbing.settings, [topic])
    admin = AIOKafkaAdminClient(bootstrap_servers=plumbing.settings.kafka_bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    settings = {
        name: (value, source) for _, _, _, _, entries in answer.resources for name, value, _, source, *_ in entries
    }
    assert settings["compression.type"] == ("producer", _SET_FOR_THE_TOPIC)
