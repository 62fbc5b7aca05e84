"""What a member of a consumer group does when partitions are shared out anew."""

from collections.abc import Awaitable, Callable

from aiokafka import ConsumerRebalanceListener, TopicPartition


class Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Errors in these callbacks are only logged by aiokafka, so they are handed to the consumer's loop."""

    def __init__(
        self,
        revoked: Callable[[], Awaitable[None]],
        assigned: Callable[[], Awaitable[None]],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._revoked = revoked
        self._assigned = assigned
        self._fail = fail

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._guard(self._revoked, revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._guard(self._assigned, assigned)

    async def _guard(self, act: Callable[[], Awaitable[None]], partitions: set[TopicPartition]) -> None:
        if not partitions:
            return
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it
            self._fail(error)
