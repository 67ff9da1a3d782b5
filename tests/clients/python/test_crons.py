"""What the LangGraph documentation shows about crons, through the official Python client."""

import asyncio
import os
import time

import httpx
import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

URL = os.environ["WAKEFUL_URL"]
QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}


def test_the_documented_cron_page_works_unchanged():
    async def page():
        client = get_client(url=URL)
        assistants = await client.assistants.search(graph_id="clock")
        assert [assistant["name"] for assistant in assistants] == ["clock"]
        assistant_id = "clock"

        thread = await client.threads.create()
        cron_job = await client.crons.create_for_thread(
            thread["thread_id"],
            assistant_id,
            schedule="27 15 * * *",
            input=QUESTION,
        )
        assert cron_job["thread_id"] == thread["thread_id"]
        assert cron_job["next_run_date"].endswith("T15:27:00+00:00")
        found = await client.crons.search(thread_id=thread["thread_id"])
        assert [cron["cron_id"] for cron in found] == [cron_job["cron_id"]]
        await client.crons.delete(cron_job["cron_id"])

        cron_job_stateless = await client.crons.create(
            assistant_id,
            schedule="27 15 * * *",
            input=QUESTION,
        )
        assert cron_job_stateless["thread_id"] is None
        await client.crons.delete(cron_job_stateless["cron_id"])
        with pytest.raises(NotFoundError):
            await client.crons.delete(cron_job_stateless["cron_id"])

    asyncio.run(page())


def test_a_thread_goes_on_from_run_to_run():
    client = get_sync_client(url=URL)
    thread = client.threads.create(metadata={"topic": "greeting"})
    say = lambda text: {"messages": [{"role": "user", "content": text}]}
    first = client.runs.wait(thread["thread_id"], "echo", input=say("hello"))
    assert first["count"] == 1
    assert first["messages"][-1] == {"role": "assistant", "content": "echo: hello"}
    second = client.runs.wait(thread["thread_id"], "echo", input=say("again"))
    assert second["count"] == 2
    state = client.threads.get_state(thread["thread_id"])
    assert state["values"] == second
    assert state["next"] == []
    history = client.threads.get_history(thread["thread_id"])
    assert [entry["values"]["count"] for entry in history] == [2, 1]
    found = client.threads.search(metadata={"topic": "greeting"})
    assert thread["thread_id"] in [one["thread_id"] for one in found]
    client.threads.delete(thread["thread_id"])
    with pytest.raises(NotFoundError):
        client.threads.get(thread["thread_id"])


def test_a_stateless_run_leaves_no_thread():
    client = get_sync_client(url=URL)
    values = client.runs.wait(None, "echo", input=QUESTION)
    assert values["count"] == 1
    created = client.runs.create(None, "echo", input=QUESTION)
    wait_until(lambda: gone(client, created["thread_id"]))


def test_a_question_is_answered_with_resume():
    client = get_sync_client(url=URL)
    thread = client.threads.create()
    asked = client.runs.wait(thread["thread_id"], "echo", input={"ask": {"approve": "?"}})
    assert asked["__interrupt__"][0]["value"] == {"approve": "?"}
    assert client.threads.get(thread["thread_id"])["status"] == "interrupted"
    done = client.runs.wait(thread["thread_id"], "echo", command={"resume": "yes"})
    assert done["answer"] == "yes"
    assert client.threads.get(thread["thread_id"])["status"] == "idle"


def test_runs_are_joined_listed_and_cancelled():
    client = get_sync_client(url=URL)
    thread = client.threads.create()["thread_id"]
    slow = client.runs.create(thread, "echo", input={"sleep": 30})
    assert slow["status"] == "pending"
    with pytest.raises(httpx.HTTPStatusError) as refused:
        client.runs.wait(thread, "echo", input={}, multitask_strategy="reject")
    assert refused.value.response.status_code == 409
    wait_until(lambda: client.runs.get(thread, slow["run_id"])["status"] == "running")
    client.runs.cancel(thread, slow["run_id"], wait=True)
    assert client.runs.get(thread, slow["run_id"])["status"] == "interrupted"
    quick = client.runs.create(thread, "echo", input=QUESTION)
    assert client.runs.join(thread, quick["run_id"])["count"] == 1
    assert [run["run_id"] for run in client.runs.list(thread)] == [quick["run_id"], slow["run_id"]]


def test_a_failure_is_told_as_data():
    client = get_sync_client(url=URL)
    values = client.runs.wait(None, "echo", input={"fail": "no milk"}, raise_error=False)
    assert values["__error__"]["message"] == "no milk"


def test_a_cron_is_paused_changed_and_resumed():
    client = get_sync_client(url=URL)
    cron = client.crons.create("echo", schedule="0 9 * * *", timezone="Europe/Berlin", input={})
    cron_id = cron["cron_id"]
    assert client.crons.update(cron_id, enabled=False)["enabled"] is False
    changed = client.crons.update(cron_id, enabled=True, schedule="30 8 * * *", timezone="UTC")
    assert changed["next_run_date"].endswith("T08:30:00+00:00")
    assert client.crons.count(assistant_id=cron["assistant_id"]) >= 1
    client.crons.delete(cron_id)


def test_a_bad_cron_is_refused_with_the_reason():
    client = get_sync_client(url=URL)
    for fields, reason in [
        ({"schedule": "61 * * * *"}, "minute"),
        ({"schedule": "0 0 31 2 *"}, "enabled=false"),
        ({"schedule": "0 9 * * *", "timezone": "Mars/Olympus"}, "time zone"),
    ]:
        with pytest.raises(UnprocessableEntityError) as refused:
            client.crons.create("echo", input={}, **fields)
        assert reason in str(refused.value).lower(), str(refused.value)


def gone(client, thread_id):
    try:
        client.threads.get(thread_id)
    except NotFoundError:
        return True
    return False


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in 20 seconds"
        time.sleep(0.02)
