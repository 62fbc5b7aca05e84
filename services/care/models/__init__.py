"""Tables of the care service: what it watches, and what it decides."""

from services.care.models.cases import (
    AuthorityUse,
    Case,
    CaseClock,
    CaseEntry,
    DetectedException,
    ExceptionLevel,
    Incident,
    Message,
    Remedy,
)
from services.care.models.contacts import Contact
from services.care.models.customers import Evidence, EvidenceLook, Word
from services.care.models.watch import (
    CarrierFeedRow,
    SampleRow,
    Watch,
    WatchFulfilment,
    WatchLine,
    WatchLocation,
    WatchParcel,
    WatchReport,
    WatchStep,
)

__all__ = [
    "AuthorityUse",
    "CarrierFeedRow",
    "Case",
    "CaseClock",
    "CaseEntry",
    "Contact",
    "DetectedException",
    "Evidence",
    "EvidenceLook",
    "ExceptionLevel",
    "Incident",
    "Message",
    "Remedy",
    "SampleRow",
    "Watch",
    "WatchFulfilment",
    "WatchLine",
    "WatchLocation",
    "WatchParcel",
    "WatchReport",
    "WatchStep",
    "Word",
]
