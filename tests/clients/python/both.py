"""One way of calling both Python clients, which notes what was called."""

import inspect
import os
import time

from langgraph_sdk import get_client, get_sync_client

URL = os.environ["WAKEFUL_URL"]
KINDS = ["sync", "async"]


def question(text="hello"):
    return {"messages": [{"role": "user", "content": text}]}


class Part:
    """A part of a client, such as `client.runs`. Every call can be awaited, whichever client it is."""

    def __init__(self, part):
        self._part = part
        self._called = set()

    def __getattr__(self, name):
        method = getattr(self._part, name)
        self._called.add(name)

        async def call(*arguments, **options):
            result = method(*arguments, **options)
            return await result if inspect.isawaitable(result) else result

        return call

    def left_out(self):
        """The methods that nobody called."""
        kind = type(self._part)
        methods = {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}
        return sorted(methods - self._called)


class Both:
    """Either client."""

    def __init__(self, kind):
        self.kind = kind
        self.plain = get_client(url=URL) if kind == "async" else get_sync_client(url=URL)
        for name in ("assistants", "threads", "runs", "crons", "store"):
            setattr(self, name, Part(getattr(self.plain, name)))

    async def new_thread(self, **options):
        return (await self.threads.create(**options))["thread_id"]


async def items(stream):
    """What a stream of either client gives."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def everything(stream):
    return [item async for item in items(stream)]


async def until(condition):
    deadline = time.monotonic() + 20
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come true in 20 seconds"
        time.sleep(0.02)


async def refused(error, call):
    """Awaits a call that fails, and returns the error."""
    try:
        await call
    except error as problem:
        return problem
    raise AssertionError(f"nothing was refused; expected {error.__name__}")
