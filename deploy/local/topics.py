"""The topics of the suite: made once per broker, and how far everybody has read."""

import asyncio
import os

from deploy.local import names
from shared import topics
from shared.settings import PlatformSettings

REPLICATION = "TOPICS_REPLICATION"


def settings_for(bootstrap: str) -> PlatformSettings:
    """Give settings that are enough to talk to this broker; security comes from the environment."""
    return PlatformSettings(kafka_bootstrap=bootstrap, token_public_keys="")


async def create(bootstrap: str, *, replication: int = 1) -> None:
    """Create all topics unless they exist."""
    await topics.create_topics(settings_for(bootstrap), names.TOPICS, replication=replication)


if __name__ == "__main__":
    asyncio.run(create(os.environ[names.KAFKA_BOOTSTRAP], replication=int(os.environ.get(REPLICATION, "1"))))
