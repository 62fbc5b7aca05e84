"""Where the processor time of each hot path goes: py-spy looks at a process while its path is under load."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import charts, feeding, versions
from bench.load import Wish, place_orders
from bench.measures.journey import all_planned, warm_up
from bench.page import CHARTS, replace
from bench.rig import Rig
from bench.run import Say
from bench.shop import Shop, open_shop
from shared import clock

_SECONDS = 8
_PER_SECOND = 200
_EVENTS = 30_000
_ORDERS = 15_000
_TOP = 8
_WAITING = "select count(*) from outbox"
# Whose time a sample is: that of the innermost frame whose file begins so. What is none of these is the loop's own:
# scheduling, timers, and the system calls that read and write sockets.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "HTTP: uvicorn, Starlette, FastAPI": ("uvicorn/", "starlette/", "fastapi/"),
    "reading and checking: pydantic": ("pydantic/",),
    "PostgreSQL's driver: asyncpg, SQLAlchemy": ("asyncpg/", "sqlalchemy/", "shared/db.py"),
    "Kafka's client: aiokafka": ("aiokafka/", "shared/kafka.py"),
    "outbox and relay": ("shared/outbox.py", "shared/relay.py"),
    "waves and inbox": ("shared/consumer.py", "shared/inbox.py", "shared/parking.py"),
    "timers": ("shared/jobs.py",),
    "the service's own work": ("services/",),
    "other shared parts": ("shared/",),
}
_LOOP = "event loop and system calls"
_OUTERMOST = ("shared/process.py", "shared/launch.py", "__main__.py")


@dataclass(slots=True)
class Profile:
    """What was seen of one process on one path: samples in all, by part, and by the innermost function of ours."""

    title: str
    samples: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)

    def share(self, samples: int) -> float:
        """Give the part of all samples, 0 to 1."""
        return samples / self.samples if self.samples else 0.0


def read(title: str, raw: Sequence[str]) -> Profile:
    """Add up py-spy's raw lines: frames from the outermost to the innermost, and how often they were seen."""
    profile = Profile(title)
    for line in raw:
        stack, _, count = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] for frame in stack.split(";")]
        profile.samples += int(count)
        profile.parts[_part_of(frames)] += int(count)
        ours = next((frame for frame in reversed(frames) if _is_ours(frame)), None)
        if ours is not None:
            profile.functions[ours.replace(" (", " in ")] += int(count)
    return profile


def _file_of(frame: str) -> str:
    return frame.partition(" (")[2]


def _is_ours(frame: str) -> bool:
    return _file_of(frame).startswith(("shared/", "services/")) and not _file_of(frame).endswith(_OUTERMOST)


def _part_of(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        name = _file_of(frame)
        if name.endswith(_OUTERMOST):
            break
        for part, prefixes in _PARTS.items():
            if name.startswith(prefixes):
                return part
    return _LOOP


async def run(home: Path, say: Say, *, write_docs: bool) -> None:
    """Profile every hot path, tell the shares, and put them into docs/performance.md if wanted."""
    rig = await Rig.start(home, say)
    try:
        say("setting up the shop: 10,000 articles")
        shop = await open_shop(rig)
        await warm_up(rig, shop)
        profiles = [await path(rig, shop, say) for path in (_whole_way, _intake, _relay, _reservation)]
        described = await versions.describe(rig)
    finally:
        await rig.stop()
    found = [profile for several in profiles for profile in several]
    for profile in found:
        say("\n".join(["", *_told(profile)]))
    if write_docs:
        CHARTS.mkdir(parents=True, exist_ok=True)
        bars = {one.title: {part: one.share(count) for part, count in one.parts.items()} for one in found}
        (CHARTS / "profiles.svg").write_text(
            charts.shares("Where each process spends its time", bars), encoding="utf-8"
        )
        at = f"`make profile` on {clock.real().date().isoformat()}: {versions.in_words(described)}."
        replace(
            "profiles",
            "\n".join([at, "", "![Where each process spends its time](performance/profiles.svg)", *_page(found)]),
        )


def _told(profile: Profile) -> list[str]:
    said = [f"{profile.title} ({profile.samples:,} samples)"]
    said += [f"  {profile.share(count):4.0%}  {part}" for part, count in profile.parts.most_common()]
    said += ["  in which of our functions, with the libraries they call:"]
    return said + [f"  {profile.share(count):4.0%}  {name}" for name, count in profile.functions.most_common(_TOP)]


def _page(found: Sequence[Profile]) -> list[str]:
    said: list[str] = []
    for profile in found:
        parts = ", ".join(f"{part} {profile.share(count):.0%}" for part, count in profile.parts.most_common())
        ours = ", ".join(f"`{name}` {profile.share(count):.0%}" for name, count in profile.functions.most_common(_TOP))
        said += ["", f"**{profile.title}**: {parts}. In our functions, with the libraries they call: {ours}."]
    return said


async def _spy(rig: Rig, titles: Mapping[str, str], load: Callable[[], Awaitable[object]], say: Say) -> list[Profile]:
    """Look at processes while they are under load; titles by process."""
    spy = Path(sys.executable).with_name("py-spy")
    raw = {name: rig.stack.site.home / f"{name}.raw" for name in titles}
    spies = [
        await asyncio.create_subprocess_exec(
            str(spy),
            *("record", "--rate", "200", "--duration", str(_SECONDS), "--format", "raw"),
            *("--output", str(raw[name]), "--pid", str(pid)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for name, pid in rig.pids(*titles).items()
    ]
    await load()
    await asyncio.gather(*(one.wait() for one in spies))
    profiles = [read(title, raw[name].read_text().splitlines()) for name, title in titles.items()]
    say(f"  {', '.join(f'{one.title}: {one.samples:,} samples' for one in profiles)}")
    return profiles


async def _whole_way(rig: Rig, shop: Shop, say: Say) -> list[Profile]:
    say(f"the whole way at {_PER_SECOND} orders a second")
    titles = {name: f"the whole way: {name}" for name in ("orders-api", *rig.stack.workers)}
    wish = Wish(_SECONDS, per_second=_PER_SECOND)
    found = await _spy(rig, titles, lambda: place_orders(shop, [rig.stack.urls["orders"]], wish), say)
    await all_planned(rig)
    return found


async def _intake(rig: Rig, shop: Shop, say: Say) -> list[Profile]:
    say("intake alone, 8 clients")
    await rig.run_only("orders-api")
    address = [rig.stack.urls["orders"]]
    found = await _spy(rig, {"orders-api": "intake alone"}, lambda: place_orders(shop, address, Wish(_SECONDS)), say)
    while await rig.value("orders", _WAITING) < _EVENTS:
        await place_orders(shop, address, Wish(_SECONDS))
    return found


async def _relay(rig: Rig, _shop: Shop, say: Say) -> list[Profile]:
    say(f"the relay of {await rig.value('orders', _WAITING):,} events")
    await rig.run_only("orders-worker")
    return await _spy(rig, {"orders-worker": "relay"}, lambda: _until_empty(rig), say)


async def _until_empty(rig: Rig) -> None:
    await rig.until("orders", "select 1 where not exists (select from outbox)", 1)


async def _reservation(rig: Rig, shop: Shop, say: Say) -> list[Profile]:
    say(f"reservation of {_ORDERS:,} orders from a full topic")
    await rig.run_only()
    await feeding.feed(rig, shop, _ORDERS)
    done = await rig.value("inventory", "select count(*) from order_demand") + _ORDERS
    await rig.run_only("inventory-worker")
    wait = rig.until("inventory", "select count(*) from order_demand", done)
    return await _spy(rig, {"inventory-worker": "reservation"}, lambda: wait, say)
