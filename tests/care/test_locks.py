"""Who waits for whom and who passes over whom in care, and what is not done twice."""

import asyncio

from services.care.actions import detecting
from shared.auth import Role
from tests.care.rig import CareRig
from tests.care.test_incidents import silent
from tests.waiting import until_waiting


async def test_an_incident_that_ends_by_itself_while_somebody_ends_it_is_ended_once(care: CareRig) -> None:
    orders = await silent(care)
    (incident,) = (await care.get("/incidents"))["data"]
    await orders[0].scanned()
    async with care.database.transaction() as tx:
        assert await detecting.watch_feeds(tx) == 1
        path, reason = f"/incidents/{incident['id']}/end", {"reason": "the carrier called"}
        ends = asyncio.create_task(care.post(path, reason, role=Role.OPERATOR))
        await until_waiting(care.database)
    refused = await ends
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert len(await care.rows("select from audit where act = 'end_incident'")) == 1
