"""What the served page and the endpoint take from outside, in one place; and the gate that holds them to it."""

import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from records.errors import TextError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 1_000_000  # bytes of a request: 256 reviews of three times the usual length
TEXTS = 256  # of one request: what the predictor reads together
CHARACTERS = 100_000  # of one text: seven times the longest published review; the time grows with it
RATE = 50  # requests a second of one client that go on for long: who has more to ask sends texts together
BURST = 100  # requests of one client at once, after a pause
CLIENTS = 1_000  # whose last requests are remembered; the longest silent one is forgotten first
PATIENCE = 20 * BODY  # bytes of a body that is too large: read and thrown away so that its sender hears why
UPLOADS = "/gradio_api/upload"  # Gradio's door for files, which this page has no use for
_WITH_BODY = {"POST", "PUT", "PATCH"}


def checked(text: object) -> str:
    """A text from outside.

    Raises:
        TextError: it is no text, or too long.
    """
    if not isinstance(text, str):
        raise TextError(f"expected a text, got {'nothing' if text is None else type(text).__name__}")
    if len(text) > CHARACTERS:
        raise TextError(f"the text has {len(text):,} characters; at most {CHARACTERS:,} are read here")
    return text


@dataclass
class Rate:
    """A bucket of tokens for each client: a request takes one, they come back by and by.

    Source: the token bucket of Turner (1986), New directions in communications, IEEE Communications Magazine 24 (10).
    """

    per_second: float = RATE
    burst: float = BURST
    now: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # client -> tokens, when
    _lock: Lock = field(default_factory=Lock)

    def wait(self, client: str) -> float:
        """Take a token: 0, or the seconds after which there is one."""
        with self._lock:
            now = self.now()
            tokens, before = self._left.pop(client, (self.burst, now))
            tokens = min(self.burst, tokens + (now - before) * self.per_second)
            is_allowed = tokens >= 1
            self._left[client] = (tokens - is_allowed, now)
            while len(self._left) > CLIENTS:
                self._left.popitem(last=False)
        return 0.0 if is_allowed else (1 - tokens) / self.per_second


class Gate:
    """Stands before the application: what asks too often or is too large does not get in. Reading a page is free."""

    def __init__(self, app: "ASGIApp", rate: Rate | None = None) -> None:
        self._app, self._rate = app, rate or Rate()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let a request in, or say why not."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(UPLOADS):
            await _refuse(send, 404, "files are not taken here: write the review's text")
            return
        client = scope["client"][0] if scope.get("client") else ""
        if seconds := self._rate.wait(client):
            sentence = f"too many requests: {RATE} a second are answered, and {BURST} at once after a pause"
            await _refuse(send, 429, sentence, {"retry-after": str(math.ceil(seconds))})
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send, 413, f"the request is too large: at most {BODY:,} bytes are read; send several requests")
            return
        await self._app(scope, _again(body, receive), send)


async def _body(receive: "Receive") -> bytes | None:
    """The whole body, or None where it is too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client went away
            return b"".join(chunks)
        chunk = message.get("body", b"")
        size += len(chunk)
        chunks = [] if size > BODY else [*chunks, chunk]
        if not message.get("more_body") or size > PATIENCE:
            return None if size > BODY else b"".join(chunks)


def _again(body: bytes, receive: "Receive") -> "Receive":
    """What an application reads of a request whose body has been read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> "Message":
        return messages.pop() if messages else await receive()

    return read


async def _refuse(send: "Send", status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
    body = json.dumps({"error": sentence}).encode()
    fields = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    await send(
        {"type": "http.response.start", "status": status, "headers": [(k.encode(), v.encode()) for k, v in fields.items()]}
    )
    await send({"type": "http.response.body", "body": body})
