"""Rows that are made, changed in hand and written as sets, without what a session would need to follow them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self, cast

from pydantic_core import PydanticUndefined
from sqlalchemy.orm import registry
from sqlmodel import SQLModel
from sqlmodel.main import SQLModelMetaclass

_MAPPED = registry()


class _Plain(SQLModelMetaclass):
    """Takes a table's class off SQLAlchemy's map again: what stays is its table and plain attributes."""

    def __init__(self, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> None:  # noqa: ANN401 - as SQLModel's own
        super().__init__(name, bases, namespace, **options)
        _MAPPED.dispose()


class Row(SQLModel, registry=_MAPPED, metaclass=_Plain):
    """A table's row whose attributes are plain values; no session knows it, it is written as a set.

    SQLModel's own constructor looks up signatures and tells SQLAlchemy of every attribute, each reading of a mapped
    attribute is a call, and each assignment several: that was more than half of an order's processor time.
    """

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - the type checker knows each table's columns
        plain, made = _defaults(type(self))
        own = self.__dict__
        own.update(plain)
        for name, make in made:
            if name not in values:
                own[name] = make()
        own.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """Make a row of all its values, as the database has them."""
        row: Self = cls.__new__(cls)
        row.__dict__.update(values)
        return row


@lru_cache(maxsize=128)
def _defaults(model: type[SQLModel]) -> tuple[Mapping[str, object], tuple[tuple[str, Callable[[], object]], ...]]:
    """Give a table's default values, and what makes those that must not be shared."""
    fields = model.model_fields
    plain = {name: field.default for name, field in fields.items() if field.default is not PydanticUndefined}
    made = tuple(
        (name, cast("Callable[[], object]", field.default_factory))
        for name, field in fields.items()
        if field.default_factory is not None
    )
    return plain, made
