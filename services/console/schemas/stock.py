"""What the console reads of stock: articles, quantities, what should be counted, what comes in."""

from datetime import datetime
from uuid import UUID

from services.console.schemas import Read
from services.console.schemas.warehouse import Barcode


class Bin(Read):
    """Where units lie at a location."""

    location: str
    bin: str


class Sku(Read):
    """An article."""

    code: str
    name: str
    fragile: bool = False
    barcodes: list[Barcode]
    bins: list[Bin]

    def units_of(self, code: str) -> int:
        """Give the units one scan of a code stands for; 0 when it is another article's."""
        units = next((barcode.units for barcode in self.barcodes if barcode.code == code), 0)
        return units or int(code == self.code)

    def bin_at(self, location: str) -> str:
        """Give where it lies at a location."""
        return next((entry.bin for entry in self.bins if entry.location == location), "")


class Skus(Read):
    """Articles."""

    data: list[Sku]


class Stock(Read):
    """What lies of an article at a location."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    available: int


class Stocks(Read):
    """Stock."""

    data: list[Stock]


class Received(Read):
    """What a receipt did."""

    lines: list[Stock]
    backorders_filled: int


class Changed(Read):
    """What a correction did."""

    lines: list[Stock]
    displaced: int


class InboundLine(Read):
    """A line of a delivery."""

    sku: str
    expected: int
    received: int
    over: int
    short: int


class Inbound(Read):
    """A delivery."""

    id: UUID
    kind: str
    state: str
    location: str
    source: str | None
    reference: str
    expected_at: datetime
    lines: list[InboundLine]

    @property
    def expected(self) -> int:
        """Units announced."""
        return sum(line.expected for line in self.lines)

    @property
    def received(self) -> int:
        """Units that came."""
        return sum(line.received for line in self.lines)


class Inbounds(Read):
    """Deliveries."""

    data: list[Inbound]


class CountTask(Read):
    """Units somebody should count."""

    id: UUID
    sku: str
    location: str
    reason: str
    opened_at: datetime


class CountTasks(Read):
    """What should be counted."""

    data: list[CountTask]
