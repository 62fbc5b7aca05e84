"""Rows that are made, changed in hand and written as sets, without what a session would need to follow them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self, cast

from pydantic_core import PydanticUndefined
from sqlalchemy.orm import ClassManager, class_mapper
from sqlmodel import SQLModel


class Row(SQLModel):
    """A table's row whose attributes are plain values.

    SQLModel's own constructor looks up signatures and tells SQLAlchemy of every attribute, and so does each
    assignment; for rows that are written as sets that was half of an order's processor time. A session inserts such
    a row, and does not notice what is changed in it.
    """

    def __new__(cls, **_values: object) -> Self:
        """Bring SQLAlchemy's state along: to look for it on a model costs more than to make it."""
        row: Self = super().__new__(cls)
        _manager(cls).setup_instance(row)
        return row

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


@lru_cache(maxsize=128)
def _manager(model: type[SQLModel]) -> "ClassManager[SQLModel]":
    return class_mapper(model).class_manager


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
