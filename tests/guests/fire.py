"""Lets crons fire the assistants that were built, and looks at what their threads hold then."""

import json
import os
import time
import urllib.request

URL = os.environ["WAKEFUL_URL"]
PATIENCE = 60
WEB = os.environ["WEB_URL"]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read() or "null")


def after_fires(assistant, given, reached):
    """The values of a thread once a cron has fired often enough."""
    thread = call("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": assistant, "schedule": "* * * * * *", "input": given}
    cron = call("POST", f"/threads/{thread}/runs/crons", body)["cron_id"]
    deadline = time.monotonic() + PATIENCE
    while not reached(values := call("GET", f"/threads/{thread}/state")["values"] or {}):
        assert time.monotonic() < deadline, f"{assistant}: {values}"
        time.sleep(0.2)
    call("DELETE", f"/runs/crons/{cron}")
    return values, thread


for name in ("snake", "script"):
    values, thread = after_fires(name, {}, lambda values: values.get("week", 0) >= 2)
    assert "This is week 2." in json.dumps(values["messages"]), values
    answer = call("POST", f"/threads/{thread}/runs/wait", {"assistant_id": name, "input": {"messages": "no list"}})
    assert "must be a list" in json.dumps(answer["__error__"]), answer
    print(f"{name}: {len(values['messages'])} fires, and a refusal")

feeds = {name: f"{WEB}/{name}" for name in ("rss", "moved", "broken", "gone")}
given = {"feeds": {**feeds, "elsewhere": "https://example.com/feed"}}
values, _ = after_fires("news-digest", given, lambda values: len(values.get("messages", [])) >= 2)
first, second = (message["content"] for message in values["messages"][:2])
assert "- **[First & best](https://example.com/1)** One sentence. Another one!" in first, first
assert "[Second](https://example.com/2)** Short." in first, first
assert first.splitlines()[2] == "There are 2 entries.", first
for name, reason in (("broken", "no element found"), ("gone", "status 404"), ("elsewhere", "is not granted")):
    assert reason in first.partition(f"## {name}\n")[2].partition("\n\n##")[0], (name, first)
assert "First" not in second and "There are" not in second and values["seen"] == 2, second
print("news-digest: read feeds where they are, told each entry once, and let a model tell what they are about")

given = {"url": f"{WEB}/counter"}
values, _ = after_fires("watch-page", given, lambda values: len(values.get("messages", [])) >= 3)
told = [message["content"] for message in values["messages"][:3]]
assert told[0] == f"Watching {WEB}/counter.", told
assert told[1].endswith("- visit 1\n+ visit 2") and told[2].endswith("- visit 2\n+ visit 3"), told
print("watch-page: told what had changed")
