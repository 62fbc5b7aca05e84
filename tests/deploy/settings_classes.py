"""The settings classes of the suite, as the environment variables they read."""

import importlib

from pydantic_settings import BaseSettings

from shared.settings import DoorSettings, PlatformSettings


def fields_of(settings: type[BaseSettings]) -> dict[str, bool]:
    """Give the variables a class reads; True for those that must be set."""
    prefix = settings.model_config.get("env_prefix", "")
    return {f"{prefix}{name}".upper(): field.is_required() for name, field in settings.model_fields.items()}


def platform_fields() -> dict[str, bool]:
    """Give the variables every process reads."""
    return fields_of(PlatformSettings)


def service_settings(service: str) -> type[DoorSettings]:
    """Find the settings class of a service."""
    module = importlib.import_module(f"services.{service}.settings")
    found: type[DoorSettings] = getattr(module, f"{service.capitalize()}Settings")
    return found
