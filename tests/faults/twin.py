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
async def twin_of(stack: LocalStack, service: str) -> AsyncIterator[str]:
    """Run another worker of the service for as long as the block lasts; give its address when it holds partitions."""
    port = ports.reserve()
    command = service_command(stack.site, stack.options, f"{service}-twin", service, "worker")
    child = Child(replace(command, environment={**command.environment, names.ops_port(service): str(port)}))
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(trust_env=False, base_url=url, timeout=5) as client:

        async def holds_partitions() -> bool:
            try:
                answer = await client.get("/internal/rest?brief=true")
            except httpx.HTTPError:
                return False
            return answer.is_success and "consumer" not in answer.json()["why"]

        try:
            await child.wait_ready(holds_partitions, _READY_SECONDS)
            yield url
        finally:
            await child.stop()
