"""Where somebody may work: every location of theirs, however many the business has."""

from typing import cast

from services.console.actions.picking import read_places
from services.console.neighbours import Caller
from services.console.schemas.warehouse import Places


class Pages:
    """Inventory, whose locations come two at a time."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    async def get(self, _service: str, _path: str, shape: type[Places], **params: object) -> Places:
        begin = int(str(params["cursor"] or 0))
        data = [{"code": code, "name": code, "active": not code.startswith("-")} for code in self._codes]
        following = begin + 2 if begin + 2 < len(data) else None
        return shape.model_validate({"data": data[begin : begin + 2], "next_cursor": following and str(following)})


async def _found(*own: str) -> list[str]:
    inventory = cast("Caller", Pages("berlin", "-closed", "hamburg", "leipzig", "munich"))
    return [place.code for place in await read_places(inventory, own)]


async def test_a_location_far_down_the_list_is_one_to_work_at() -> None:
    assert await _found() == ["berlin", "hamburg", "leipzig", "munich"]


async def test_who_has_locations_of_their_own_works_at_these() -> None:
    assert await _found("munich", "berlin", "closed") == ["berlin", "munich"]
