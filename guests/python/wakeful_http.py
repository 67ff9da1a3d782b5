"""Send HTTP requests from an assistant for Wakeful.

    from wakeful_http import fetch

    feed = fetch("https://example.com/feed.xml").text

Build the assistant for the world `http-assistant-plugin`, and name the hosts in the `<id>.toml` beside it:

    [grants]
    hosts = ["https://example.com"]

The host connects, and holds each request against that list, those that follow a redirect included.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler
from wit_world.imports import streams
from wit_world.imports import types as http

import wakeful

__all__ = ["Response", "fetch"]

# How many redirects are followed, and what the bindings take and give at once.
REDIRECTS = 5
PART = 4_096
READ = 64 << 10


@dataclass
class Response:
    """An answer, whatever its status says."""

    url: str  # where it came from, after redirects
    status: int
    headers: dict[str, str]  # names in small letters; what was said twice is joined with commas
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode(self._charset(), errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)

    def _charset(self) -> str:
        kind = self.headers.get("content-type", "")
        _, named, charset = kind.partition("charset=")
        charset = charset.split(";")[0].strip(" \"'")
        try:
            return "".encode(charset) and charset if named else "utf-8"
        except LookupError:
            return "utf-8"


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
) -> Response:
    """Sends a request, and waits for the whole answer.

    Redirects of `GET` and `HEAD` are followed. A request that the grants do not allow raises a
    `wakeful.Error` with the code "denied"; one that failed on its way, with "unavailable".
    """
    body = body.encode() if isinstance(body, str) else body
    for _ in range(REDIRECTS + 1):
        answer = _send(url, method, headers or {}, body)
        goes_on = answer.status in (301, 302, 303, 307, 308) and method in ("GET", "HEAD")
        if not goes_on or "location" not in answer.headers:
            return answer
        url = urljoin(url, answer.headers["location"])
    raise wakeful.Error(f"{url}: more than {REDIRECTS} redirects", "unavailable")


def _send(url: str, method: str, headers: Mapping[str, str], body: bytes | None) -> Response:
    request = _request(url, method, headers)
    try:
        if body is None:
            future = outgoing_handler.handle(request, None)
        else:
            with request.body() as sent:
                future = outgoing_handler.handle(request, None)
                with sent.write() as stream:
                    for at in range(0, len(body), PART):
                        stream.blocking_write_and_flush(body[at : at + PART])
                http.OutgoingBody.finish(sent, None)
        with future:
            with future.subscribe() as answered:
                answered.block()
            match future.get():
                case Ok(Ok(response)):
                    with response:
                        return _read(url, response)
                case Ok(Err() as failed):
                    raise failed
        raise wakeful.Error(f"{url}: the host gave no answer", "unavailable", retryable=True)
    except Err as error:
        raise _failed(url, error.value) from error


def _request(url: str, method: str, headers: Mapping[str, str]) -> http.OutgoingRequest:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise wakeful.Error(f"`{url}` is no address of the web; write it out, as https://example.com/feed", "invalid-input")
    try:
        fields = http.Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    except Err as error:
        raise wakeful.Error(f"{url}: a header is not allowed: {list(headers)}", "invalid-input") from error
    request = http.OutgoingRequest(fields)
    named = getattr(http, f"Method_{method.title()}", None)
    request.set_method(named() if named else http.Method_Other(method))
    request.set_scheme(http.Scheme_Https() if parts.scheme == "https" else http.Scheme_Http())
    request.set_authority(parts.netloc)
    request.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return request


def _read(url: str, response: http.IncomingResponse) -> Response:
    headers: dict[str, str] = {}
    with response.headers() as fields:
        for name, value in fields.entries():
            name, value = name.lower(), value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = bytearray()
    with response.consume() as incoming, incoming.stream() as stream:
        while True:
            try:
                body += stream.blocking_read(READ)
            except Err as ended:
                if isinstance(ended.value, streams.StreamError_Closed):
                    break
                raise
    return Response(url, response.status(), headers, bytes(body))


def _failed(url: str, reason: Any) -> wakeful.Error:
    """What went wrong, in words; `reason` is one of the bindings' classes."""
    if isinstance(reason, streams.StreamError_LastOperationFailed):
        return wakeful.Error(f"{url}: {reason.value.to_debug_string()}", "unavailable", retryable=True)
    name = type(reason).__name__.removeprefix("ErrorCode_")
    if name == "HttpRequestDenied":
        return wakeful.Error(f"{url} is not granted; the log of the run says which line would allow it", "denied")
    detail = getattr(reason, "value", None)
    return wakeful.Error(f"{url}: {name}" + (f" ({detail})" if detail is not None else ""), "unavailable", retryable=True)
