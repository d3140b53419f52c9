"""The model over HTTP: MLflow's scoring server behind a guard that answers every request in JSON.

MLflow's own application answers 500 to what it cannot parse at all, and some refusals in plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ENTRY = "/invocations"
KINDS = ("application/json", "application/vnd.apache.parquet")
DEEPEST = 64
"""Lists and objects within each other; accounts need four."""
LONGEST = 2_000
"""Letters of a message; MLflow repeats the whole input in some."""
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def application(model: Any) -> Application:
    """Return the ASGI application that serves an MLflow pyfunc."""
    from mlflow.pyfunc.scoring_server import init

    return Guard(init(model))


class Guard:
    """Refuses what the application behind it cannot bear; whatever that says becomes JSON."""

    def __init__(self, behind: Application) -> None:
        self.behind = behind

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        headers = {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}
        body = b""
        if scope["path"] == ENTRY and scope["method"] == "POST":
            kind = headers.get(b"content-type", "").split(";")[0].strip().lower()
            if kind not in KINDS:
                message = f"Content-Type is {kind[:100] or 'missing'}; send one of: {', '.join(KINDS)}."
                await _answer(send, 415, "BAD_REQUEST", message)
                return
            body = await _read(receive)
            if kind == KINDS[0] and _depth(body) > DEEPEST:
                message = f"The JSON is nested more than {DEEPEST} deep; send a list of records."
                await _answer(send, 400, "BAD_REQUEST", message)
                return
            receive = _again(body, receive)
        await _in_json(self.behind, scope, receive, send)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, then whatever comes after it."""
    waiting = [{"type": "http.request", "body": body}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give


def _depth(body: bytes) -> int:
    """Return how deep JSON is nested, without parsing it, in time proportional to its length."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


async def _in_json(
    behind: Application, scope: MutableMapping[str, Any], receive: Receive, send: Send
) -> None:
    """Pass on what succeeds; hold back what fails until it is whole, and say it in JSON."""
    status, body, begun = 0, b"", False

    async def listen(message: Message) -> None:
        nonlocal status, body, begun
        if message["type"] == "http.response.start":
            status = message["status"]
        elif status >= 400:
            body += message.get("body", b"")
        if status < 400:
            begun = True
            await send(message)

    try:
        await behind(scope, receive, listen)
    except Exception:
        if begun:  # nothing else can be said any more
            raise
        status, body = 500, b"The server failed; its log says how."
        raise
    finally:
        if status >= 400:
            code, text = _words(body)
            await _answer(send, status, code, text)


def _words(body: bytes) -> tuple[str, str]:
    """Return the error code and what is to be told, without a stack trace and the input repeated."""
    text, code = body.decode("utf-8", "replace").strip(), "BAD_REQUEST"
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    if isinstance(parsed, dict):
        code = str(parsed.get("error_code", code))
        text = str(parsed.get("message", parsed.get("detail", text)))
    text = text.rpartition("\nError: ")[2] if text.startswith("Failed to predict data") else text
    return code, text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


async def _answer(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"error_code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
