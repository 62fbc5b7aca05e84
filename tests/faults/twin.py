"""A second worker of a service, beside the stack's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from deploy.local import names, ports
from deploy.local.commands import service_command
from deploy.local.processes import Child
from deploy.local.stack import LocalStack

_READY_SECONDS = 120.0


@asynccontextmanager
async def twin_of(stack: LocalStack, service: str) -> AsyncIterator[Child]:
    """Run another worker of the service for as long as the block lasts; ready when the block begins."""
    port = ports.free()[names.worker_of(service)]
    command = service_command(stack.site, stack.options, f"{service}-twin", service, "worker")
    child = Child(replace(command, environment={**command.environment, names.ops_port(service): str(port)}))
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}", timeout=5) as client:

        async def is_ready() -> bool:
            try:
                return (await client.get("/health/ready")).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        try:
            await child.wait_ready(is_ready, _READY_SECONDS)
            yield child
        finally:
            await child.stop()
