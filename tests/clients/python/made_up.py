"""What is watched while schemathesis sends made-up requests: how many there were of each operation, that no answer
holds what only its owner may know, and that each key gets in where its scope allows and nowhere else. Loaded by way
of SCHEMATHESIS_HOOKS.

    WAKEFUL_SECRETS   a file with one secret a line that must not be in any answer
    WAKEFUL_SCOPE     the scope of the key that the requests bring: read, run or manage, or none without a good key;
                      empty for a server that asks for no key
    WAKEFUL_COUNTS    the file to write the numbers to, as JSON: {"GET /ok": {"200": 12}}
"""

import atexit
import json
import os
import pathlib
import random
import threading
from collections import Counter, defaultdict

import schemathesis

_secrets = os.environ.get("WAKEFUL_SECRETS")
SECRETS = [secret.encode() for secret in pathlib.Path(_secrets).read_text().split()] if _secrets else []
SCOPE = os.environ.get("WAKEFUL_SCOPE", "")
COUNTS = os.environ.get("WAKEFUL_COUNTS")
SCOPES = ["none", "read", "run", "manage"]

counts: dict[str, Counter[str]] = defaultdict(Counter)
lock = threading.Lock()


@schemathesis.hook
def before_call(context, case, kwargs):
    # This transport takes only clients that say that they take both; most requests are to get further than that.
    if case.path == "/mcp" and random.random() < 0.9:
        case.headers = {**(case.headers or {}), "accept": "application/json, text/event-stream"}


@schemathesis.hook
def after_call(context, case, response):
    with lock:
        counts[case.operation.label][str(response.status_code)] += 1
        many = sum(answers.total() for answers in counts.values()) % 1_000 == 0
    if many:
        # A long run that is stopped has told how far it came.
        tell()


@schemathesis.check
def no_secret_in_an_answer(ctx, response, case):
    """Neither in the body nor in a header."""
    whole = response.content + repr(response.headers).encode()
    for secret in SECRETS:
        if secret in whole:
            raise AssertionError(f"the answer holds the secret that begins with {secret[:6]!r}")


@schemathesis.check
def scope_is_kept(ctx, response, case):
    """The description says what each operation asks for."""
    if not SCOPE:
        return
    status = response.status_code
    needed = case.operation.definition.raw.get("x-scope", "none")
    if case.method.upper() != case.operation.method.upper():
        # Another method than the one that is described.
        return
    if needed == "none":
        if status in (401, 403):
            raise AssertionError(f"{status}, although everybody may ask for this")
    elif SCOPE == "none":
        # A path that came out of shape is another one, at which there is nothing.
        if status not in (401, 404):
            raise AssertionError(f"{status} without a good key, which needs {needed}")
    elif SCOPES.index(SCOPE) < SCOPES.index(needed):
        if status not in (403, 404, 405):
            raise AssertionError(f"{status} for a key of scope {SCOPE}, which needs {needed}")
        if status == 404 and "there is nothing at" not in response.text:
            raise AssertionError(f"a key of scope {SCOPE} learns what is there: {response.text}")
    elif status == 401:
        raise AssertionError(f"401 for a good key of scope {SCOPE}")
    elif status == 403 and not (needed == "read" and "cancel_on_disconnect" in (case.query or {})):
        raise AssertionError(f"403 for a key of scope {SCOPE}, which needs {needed}")


@atexit.register
def tell():
    if not COUNTS:
        return
    with lock:
        document = {name: dict(sorted(answers.items())) for name, answers in sorted(counts.items())}
    pathlib.Path(COUNTS).write_text(json.dumps(document, indent=1) + "\n")
