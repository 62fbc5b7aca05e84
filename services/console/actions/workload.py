"""How much work waits at a location, and the first of each list with how many it has in all."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from services.console.neighbours import Caller
from services.console.schemas.warehouse import Workload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pile(Generic[T]):
    """The most urgent of what waits, and how many wait in all."""

    shown: list[T]
    count: int

    @property
    def more(self) -> int:
        """How many wait beyond those shown; what came or went between two answers counts as none."""
        return max(self.count - len(self.shown), 0)


async def read_workload(caller: Caller, location: str) -> Workload:
    """Read how much of each kind waits at a location."""
    return await caller.get("inventory", "/staff/workload", Workload, location=location)
