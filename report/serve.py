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
from typing import TYPE_CHECKING, Any

from rich.console import Console

from inference.predictor import Prediction, Predictor
from records.errors import CheckpointError, RunError, ServeError, TextError
from report.limits import TEXTS, Gate, checked

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

HOST = "127.0.0.1"  # other machines cannot reach it
GOODBYE = 2  # seconds that pages which stand open get to hear that the server ends
_KEYS = ("text", "texts", "study")
_OTHER_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_USAGE = 'POST /predict takes {"text": "..."} or {"texts": ["...", "..."]}, and "study" beside it if you like'


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
    from starlette.concurrency import run_in_threadpool

    run = predictor.run

    async def predict(request: "Request") -> "Response":
        return await run_in_threadpool(_respond, predictor, await request.body())  # NumPy would hold up everybody else

    async def wrong_method(request: "Request") -> "Response":
        return _json(405, {"error": f"{request.method} has no answer here: {_USAGE}"}, {"allow": "POST"})

    async def health(request: "Request") -> "Response":
        return _json(200, {"status": "ok", "run": run.name, "data": run.data.title, "is_demo": run.data.is_demo})

    async def failure(request: "Request", error: Exception) -> "Response":
        return _json(500, {"error": f"something is wrong with the program itself ({type(error).__name__}: {error})"})

    app.add_route("/predict", predict, methods=["POST"])
    app.add_route("/predict", wrong_method, methods=list(_OTHER_METHODS))
    app.add_route("/health", health, methods=["GET"])
    app.add_exception_handler(Exception, failure)


def _json(status: int, value: Any, headers: dict[str, str] | None = None) -> "Response":
    from starlette.responses import Response

    return Response(json.dumps(value), status, headers, media_type="application/json")


# -- the endpoint, apart from HTTP -------------------------------------------------------------------------------------
# Runs in several threads at once: a model that two of them ask for first is read twice and kept once, nothing else changes.


def _respond(predictor: Predictor, body: bytes) -> "Response":
    try:
        return _json(200, answer(predictor, body))
    except RequestError as error:
        return _json(error.status, {"error": str(error)})
    except CheckpointError as error:
        return _json(500, {"error": str(error)})


def answer(predictor: Predictor, body: bytes) -> dict[str, Any]:
    """What `POST /predict` says.

    Args:
        predictor: answers where the request names no study.
        body: JSON, `{"text": "..."}` or `{"texts": ["...", ...]}`, with `"study"` if another model is to answer.

    Returns:
        The fields of a `Prediction`; of several texts `predictions`, in their order, with `error` for those that have none.

    Raises:
        RequestError: the request is not understood, or there is nothing to say of its one text.
        CheckpointError: a model cannot be read.
    """
    request = _understood(body)
    if request.get("study") is not None:
        try:
            predictor = Predictor(predictor.run, request["study"])
        except RunError as error:
            raise RequestError(422, str(error)) from error
    if "texts" in request:
        return {"predictions": _several(predictor, request["texts"])}
    try:
        return asdict(predictor(checked(request["text"])))
    except TextError as error:
        raise RequestError(422, str(error)) from error


def _understood(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not JSON ({_first_line(error)}): {_USAGE}") from error
    if not isinstance(request, dict):
        raise RequestError(422, f"expected a JSON object, got {_kind(request)}: {_USAGE}")
    if unknown := [key for key in request if key not in _KEYS]:
        raise RequestError(422, f"unknown: {', '.join(map(repr, unknown[:5]))}. {_USAGE}")
    if ("text" in request) == ("texts" in request):
        raise RequestError(422, f"expected either text or texts: {_USAGE}")
    if not isinstance(request.get("study"), str | None):
        raise RequestError(422, f"study: expected a name, got {_kind(request['study'])}")
    if "texts" in request and not isinstance(request["texts"], list):
        raise RequestError(422, f"texts: expected a list of texts, got {_kind(request['texts'])}")
    if len(request.get("texts", ())) > TEXTS:
        raise RequestError(422, f"texts: {len(request['texts']):,} are too many; at most {TEXTS} are read in one request")
    return request


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


def _first_line(error: Exception) -> str:
    return "too many brackets" if isinstance(error, RecursionError) else str(error).splitlines()[0]
