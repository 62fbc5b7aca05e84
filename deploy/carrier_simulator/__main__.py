"""python -m deploy.carrier_simulator: serve until told to stop."""

import uvicorn

from deploy.carrier_simulator.app import create_app
from deploy.carrier_simulator.engine import Engine
from deploy.carrier_simulator.gate import DroppableConnection
from deploy.carrier_simulator.settings import ClockSettings, JourneyRates, Settings


def main() -> None:
    """Start the carrier on its host and port."""
    ClockSettings().install()
    settings = Settings()
    config = uvicorn.Config(
        create_app(Engine(settings, JourneyRates())),
        host=settings.host,
        port=settings.port,
        http=DroppableConnection,
        loop="uvloop",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
