"""What LangGraph's own server answered, asked again: same status, same headers, same shape."""

import json
import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from both import URL
from differences import DIFFERENCES, LEFT_OUT

RECORDED = Path(__file__).parent.parent / "recorded"
TOPICS = sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("topic", TOPICS)
def test_answers_have_the_recorded_shape(topic):
    exchanges = json.loads((RECORDED / f"{topic}.json").read_text())
    differences = dict(DIFFERENCES.get(topic, {}))
    names, problems = {}, []
    with httpx.Client(base_url=URL, timeout=60) as http:
        for number, exchange in enumerate(exchanges):
            label = exchange["label"]
            expected = differences.pop(number, None)
            if expected is not None and expected.label != label:
                problems.append(f"{number}: the difference is about {expected.label!r}, this is {label!r}")
            if expected is not None and expected.skipped:
                continue
            found = list(compare(http, exchange, names, expected))
            problems += [f"{number} {label} ({exchange['method']} {exchange['url']}): {text}" for text in found]
    problems += [f"{number}: a difference that no exchange has" for number in differences]
    assert not problems, "\n" + "\n".join(problems)


def compare(http, exchange, names, expected):
    """Sends a request, and says what is wrong with the answer."""

    def name(match):
        # An id that the client chose is another one each time.
        return names.setdefault(match[0], str(uuid4())) if match[1] == "new" else names.get(match[0], match[0])

    fill = lambda text: re.sub(r"\{(id|new)\d+\}", name, text)
    content = None
    if "body" in exchange:
        content = fill(json.dumps(exchange["body"]))
    elif "text" in exchange:
        content = exchange["text"]
    headers = {key: fill(text) for key, text in exchange.get("headers", {}).items()}
    if content is not None:
        headers["content-type"] = "application/json"
    with http.stream(exchange["method"], fill(exchange["url"]), content=content, headers=headers) as answer:
        endless = re.fullmatch(r"/threads/[^/]+/stream", answer.url.path)
        if answer.status_code == 200 and endless:
            return
        answer.read()
    status = expected.status if expected and expected.status else exchange["status"]
    if answer.status_code != status:
        yield f"status {answer.status_code} instead of {status}: {answer.text[:300]}"
        return
    if status != exchange["status"]:
        if status >= 400 and list(answer.json()) != ["detail"]:
            yield f"an error without a detail: {answer.text[:300]}"
        return
    differs = expected.shape if expected else ()
    problems = list(compare_answer(exchange, answer, names))
    yield from (problem for problem in problems if not problem.startswith(differs))
    for known in differs:
        if not any(problem.startswith(known) for problem in problems):
            yield f"no longer differs in this: {known!r}; take it off the list"


def compare_answer(exchange, answer, names):
    """Says how an answer with the recorded status differs from it, and notes the ids in it."""
    for header in exchange["answers"]:
        if header not in answer.headers:
            yield f"no header {header}"
    if exchange["type"] and answer.headers.get("content-type", "").split(";")[0] != exchange["type"]:
        yield f"content-type {answer.headers.get('content-type')} instead of {exchange['type']}"
        return
    if "events" in exchange:
        yield from compare_events(exchange["events"], answer.text)
    document = None
    if "shape" in exchange:
        document = answer.json()
        yield from compare_shapes(exchange["shape"], document, "")
    for placeholder, path in exchange.get("binds", []):
        found = follow(answer, document, path)
        if isinstance(found, str):
            names[f"{{{placeholder}}}"] = found
        else:
            yield f"no id at {path}"


def follow(answer, document, path):
    if path and str(path[0]).startswith("@"):
        ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers.get(path[0][1:], ""))
        return ids[path[1]] if path[1] < len(ids) else None
    try:
        for step in path:
            document = document[step]
    except (KeyError, IndexError, TypeError):
        return None
    return document


def compare_shapes(shape, found, at):
    """Every recorded key is there, with a value of the recorded type; more keys are fine, and so is
    a value where there happened to be none."""
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            yield f"{at or 'it'} is no object: {found!r}"
            return
        for key, inner in shape.items():
            if f"{at}.{key}".endswith(LEFT_OUT):
                continue
            if key not in found:
                yield f"{at}.{key} is missing"
            else:
                yield from compare_shapes(inner, found[key], f"{at}.{key}")
    elif isinstance(shape, list):
        if not isinstance(found, list):
            yield f"{at or 'it'} is no list: {found!r}"
        elif shape and not found:
            yield f"{at or 'it'} is empty"
        elif shape:
            yield from compare_shapes(shape[0], found[0], f"{at}[0]")
    elif shape != "null" and kind(found) != {"id": "string"}.get(shape, shape):
        yield f"{at or 'it'} is {kind(found)} instead of {shape}: {str(found)[:100]}"


def kind(value):
    for types, name in [
        (type(None), "null"),
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
        (dict, "object"),
        (list, "list"),
    ]:
        if isinstance(value, types):
            return name


def compare_events(recorded, text):
    """The same kinds of events in the same order of first appearance, ids where they were."""
    found = []
    for frame in re.split(r"\r?\n\r?\n", text):
        name = re.search(r"^event: (.*?)\r?$", frame, re.M)
        if name:
            found.append(name[1] + ("#" if re.search(r"^id: ", frame, re.M) else ""))
    if recorded and (not found or found[0] != recorded[0]):
        yield f"the stream begins with {found[:1]} instead of {recorded[:1]}"
    if set(recorded) - set(found):
        yield f"events {sorted(set(recorded) - set(found))} are missing among {sorted(set(found))}"
    if recorded and found and found[-1] != recorded[-1] and "error" in (found[-1], recorded[-1]):
        yield f"the stream ends with {found[-1]} instead of {recorded[-1]}"
