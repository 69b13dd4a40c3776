"""How much the served page and the endpoint take from outside, in one place, and the gate that holds requests to it."""

from typing import TYPE_CHECKING

from records.errors import TextError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 1_000_000  # bytes of a request: 256 reviews of three times the usual length
TEXTS = 256  # of one request: what the predictor reads together
CHARACTERS = 100_000  # of one text: seven times the longest published review; the time grows with it
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


class Gate:
    """Stands before the application: a request that is too large, or an upload, does not get in.

    Starlette's own limit of a body answers in words of its own and leaves the rest of the body unread.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let a request in, or say why not."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        from starlette.responses import JSONResponse

        if scope["path"].startswith(UPLOADS):
            refusal = JSONResponse({"error": "files are not taken here: write the review's text"}, 404)
        elif (body := await _body(receive)) is None:
            sentence = f"the request is too large: at most {BODY:,} bytes are read; send several requests"
            refusal = JSONResponse({"error": sentence}, 413)
        else:
            await self._app(scope, _again(body, receive), send)
            return
        await refusal(scope, receive, send)


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
