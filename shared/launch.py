"""Becomes a service's process: what starts quickly is replaced, scaled and restarted without anybody waiting."""

import gc
import sys
from importlib import import_module

# New objects before the next look for garbage: at Python's 700 a worker spends a twentieth of its time on looks among
# the records of its batch, which are gone without any when the batch is done.
_NEW_OBJECTS = 10_000


def launch(app: str) -> None:
    """Import the module `app`, whose `service` says what there is, and do what the command line says.

    What is imported stays until the end, so nobody looks for garbage among it, now (a tenth of the time) or later.
    Without rich and pygments, which structlog and httpx take up for coloured text wherever they are installed, another
    tenth is saved, and 6 MB: services write JSON. And without pydantic's first version, which FastAPI takes up to know
    its models from others: nobody has any, and it is 2.5 MB.
    """
    gc.disable()
    for unwanted in ("rich", "pygments", "pydantic.v1"):
        sys.modules[unwanted] = None  # type: ignore[assignment]
    service = import_module(app).service
    if sys.argv[1:2] == ["api"]:
        import_module(service.doors)  # before the freeze
    process = import_module("shared.process")
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    process.main(service)
