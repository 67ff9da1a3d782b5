"""Lets crons fire the assistants that were built, and looks at what their threads hold then."""

import json
import os
import time
import urllib.request

URL = os.environ["WAKEFUL_URL"]
PATIENCE = 60

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Example</title>
<item><guid>1</guid><title>First &amp; best</title><link>https://example.com/1</link>
<description>&lt;p&gt;One sentence. Another one! A third.&lt;/p&gt;</description></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Atomic</title>
<entry><id>urn:2</id><title>Second</title><link href="https://example.com/2"/><summary>Short.</summary></entry>
</feed>"""


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

given = {"feeds": {"Example": RSS, "Atomic": ATOM, "Broken": "<rss>"}}
values, _ = after_fires("news-digest", given, lambda values: len(values.get("messages", [])) >= 2)
first, second = (message["content"] for message in values["messages"][:2])
assert "- **[First & best](https://example.com/1)** One sentence. Another one!" in first, first
assert "[Second](https://example.com/2)** Short." in first and "cannot be read" in first, first
assert "First" not in second and values["seen"] == 2, second
print("news-digest: told each entry once")
