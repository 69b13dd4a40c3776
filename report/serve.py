"""A finished run on this machine's own address: the page for people, `POST /predict` for programs. Nothing leaves the machine."""

import asyncio
import contextlib
import json
import os
import socket
import threading
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from rich.console import Console

from inference.predictor import Prediction, Predictor
from records.errors import CheckpointError, RunError, ServeError, TextError
from report.limits import TEXTS, Gate, checked

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Server

HOST = "127.0.0.1"  # other machines cannot reach it
GOODBYE = 2  # seconds that pages which stand open get to hear that the server ends
_OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
_USAGE = 'POST /predict takes {"text": "..."} or {"texts": ["...", "..."]}, and "study" beside it if you like'
_EXPECTED = {
    "model_type": "a JSON object",
    "list_type": "a list of texts",
    "string_type": "a name",
}  # Pydantic's name of a problem


class RequestError(ValueError):
    """A request that has no answer; the message says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def serve(predictor: Predictor, port: int, *, open_browser: bool) -> None:
    """Serve the page and the endpoint until Ctrl-C.

    Args:
        predictor: answers.
        port: of this machine's loopback address; 0 takes one that is free.
        open_browser: show the page at once.

    Raises:
        ServeError: the packages of the page are not installed, or the port cannot be had.
    """
    app = application(predictor)
    with listen(port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}"
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(f"{predictor.run.name} is served at {address} until Ctrl-C; programs ask POST {address}/predict")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn has shut down in order and passes Ctrl-C on
            server(app).run(sockets=[listening])
        console.print("The server has ended.")


def listen(port: int) -> socket.socket:
    """A socket on the loopback address that takes connections from now on.

    Raises:
        ServeError: the port is taken, not allowed or no port.
    """
    # Asyncio sends small answers at once where the protocol is named; else each waits 40 ms for Linux's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) else "ports are numbers from 0 to 65535"
        raise ServeError(
            f"port {port} of {HOST} cannot be had ({why}); choose another with --port, 0 for any free one"
        ) from error
    return listening


def server(app: "FastAPI") -> "Server":
    """What runs the application: warnings alone are logged, and nothing waits for pages that stand open."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GOODBYE))


def application(predictor: Predictor) -> "FastAPI":
    """The page at `/`, the endpoint at `/predict`, and `/health`.

    Raises:
        ServeError: the packages of the page are not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # events between tables of its own statistics, which nobody sees
    try:
        import gradio  # noqa: F401
        from fastapi import FastAPI
    except ModuleNotFoundError as error:
        raise ServeError(f"the page needs the package {error.name}: make run EXTRAS=page installs it") from error
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Gate)
    _add_endpoints(app, predictor)
    with ThreadPoolExecutor(1) as elsewhere:  # whoever calls may be in an event loop, as in a notebook
        elsewhere.submit(lambda: asyncio.run(_mount_page(app, predictor))).result()
    return app


async def _mount_page(app: "FastAPI", predictor: Predictor) -> None:
    """A coroutine for Gradio's sake: where no event loop runs it makes one for each of its locks, and closes none of them."""
    import gradio

    from report import page

    gradio.mount_gradio_app(
        app,
        page.build(predictor),
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        **page.look(),
    )


def _add_endpoints(app: "FastAPI", predictor: Predictor) -> None:
    from fastapi import Depends, Request
    from fastapi.responses import JSONResponse

    run = predictor.run

    async def asked(request: Request) -> Asked:
        return understood(await request.body())

    @app.post("/predict")
    def predict(request: Annotated[Asked, Depends(asked)]) -> JSONResponse:  # no coroutine: it runs in a thread of its own
        return JSONResponse(answer(predictor, request))

    @app.api_route("/predict", methods=_OTHER_METHODS)
    def wrong_method(request: Request) -> JSONResponse:
        return JSONResponse({"error": f"{request.method} has no answer here: {_USAGE}"}, 405, {"allow": "POST"})

    @app.get("/health")
    def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "run": run.name, "data": run.data.title, "is_demo": run.data.is_demo})

    @app.exception_handler(RequestError)
    def refuse(request: Request, error: RequestError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(CheckpointError)
    def unreadable(request: Request, error: CheckpointError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 500)

    @app.exception_handler(Exception)
    def failure(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": f"something is wrong with the program itself ({type(error).__name__}: {error})"}, 500)


# -- the endpoint, apart from HTTP -------------------------------------------------------------------------------------
# Runs in several threads at once: a model that two of them ask for first is read twice and kept once, nothing else changes.


class Asked(BaseModel):
    """The body of `POST /predict`: one text, or several, and who is to answer. Texts are checked one by one, by `checked`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    text: Any = None
    texts: list[Any] = Field(default=[], max_length=TEXTS)
    study: str | None = None

    @model_validator(mode="after")
    def _has_text_or_texts(self) -> Self:
        if len(self.model_fields_set & {"text", "texts"}) != 1:
            raise PydanticCustomError("neither_or_both", "expected either text or texts")
        return self


def understood(body: bytes) -> Asked:
    """What the body of a request asks.

    Raises:
        RequestError: it is no JSON, or does not ask what can be answered.
    """
    try:
        return Asked.model_validate(json.loads(body))
    except ValidationError as error:
        raise RequestError(422, f"{_problem(error)}: {_USAGE}") from error
    except (ValueError, RecursionError) as error:
        why = "too many brackets" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise RequestError(400, f"the body is not JSON ({why}): {_USAGE}") from error


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong with a request, in words."""
    first = error.errors(include_url=False)[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] in _EXPECTED:
        return f"{name}{': ' if name else ''}expected {_EXPECTED[first['type']]}, got {_kind(first['input'])}"
    if first["type"] == "too_long":
        return f"{name}: {len(first['input']):,} are too many; at most {TEXTS} are read in one request"
    if first["type"] == "string_unicode":
        return f"{name or 'the name of a field'}: half a character stands in it; it is no valid Unicode"
    return f"unknown: {name!r}" if first["type"] == "extra_forbidden" else first["msg"]


def answer(predictor: Predictor, asked: Asked) -> dict[str, Any]:
    """What `POST /predict` says.

    Args:
        predictor: answers where the request names no study.
        asked: the request.

    Returns:
        The fields of a `Prediction`; of several texts `predictions`, in their order, with `error` for those that have none.

    Raises:
        RequestError: there is no such study, or nothing to say of the one text.
        CheckpointError: a model cannot be read.
    """
    try:
        if asked.study is not None:
            predictor = Predictor(predictor.run, asked.study)
        if "texts" in asked.model_fields_set:
            return {"predictions": _several(predictor, asked.texts)}
        return asdict(predictor(checked(asked.text)))
    except (RunError, TextError) as error:
        raise RequestError(422, str(error)) from error


def _several(predictor: Predictor, texts: list[Any]) -> list[dict[str, Any]]:
    """An answer for each, the same as alone; read together."""
    answers: dict[int, Prediction | TextError] = {}
    good: dict[int, str] = {}
    for number, text in enumerate(texts):
        try:
            good[number] = checked(text)
        except TextError as error:
            answers[number] = error
    answers.update(zip(good, predictor.stream(good.values()), strict=True))
    return [asdict(one) if isinstance(one := answers[n], Prediction) else {"error": str(one)} for n in range(len(texts))]


def _kind(value: object) -> str:
    """What JSON calls it."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
