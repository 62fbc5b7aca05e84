"""The application: both doors, and refusals in the API's words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from deploy.carrier_simulator import api, controls
from deploy.carrier_simulator.engine import Engine
from deploy.carrier_simulator.errors import CarrierError, NotFoundError, ParameterInvalidError, ParameterMissingError
from deploy.carrier_simulator.gate import Gate
from deploy.carrier_simulator.wire import FieldError


def create_app(engine: Engine) -> FastAPI:
    """Put the carrier behind its doors."""

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        yield
        await engine.stop()

    app = FastAPI(title="Doorstep carrier simulator", lifespan=live, docs_url=None, redoc_url=None)
    app.state.engine = engine
    app.include_router(api.router)
    app.include_router(api.labels)
    app.include_router(controls.router)
    app.add_middleware(Gate, engine=engine)
    app.add_exception_handler(CarrierError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_fields)
    app.add_exception_handler(HTTPException, _refuse_route)
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    if not isinstance(error, CarrierError):
        raise error
    return api.answer(error.body(), error.status)


async def _refuse_fields(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    missing = all(each["type"] == "missing" for each in error.errors())
    fields = [
        _field_error(".".join(str(part) for part in each["loc"][1:]) or "body", each["type"], each["msg"])
        for each in error.errors()
    ]
    refusal = ParameterMissingError(fields) if missing else ParameterInvalidError(fields)
    return await _refuse(request, refusal)


def _field_error(field: str, kind: str, message: str) -> FieldError:
    return {"field": field, "message": "cannot be blank" if kind == "missing" else message}


async def _refuse_route(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code != NotFoundError.status:
        refusal = CarrierError(message=str(error.detail))
        return api.answer(refusal.body(), error.status_code)
    return await _refuse(request, NotFoundError())
