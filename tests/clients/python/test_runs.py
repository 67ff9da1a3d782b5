"""Every method of `client.runs`, through both Python clients."""

import asyncio

import httpx
import pytest
from both import KINDS, Both, everything, items, question, refused, until
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_runs(kind):
    asyncio.run(exercise(Both(kind)))


async def exercise(client):
    runs = client.runs
    thread = await client.new_thread()
    seen = []
    created = await runs.create(
        thread,
        "echo",
        input=question("one"),
        metadata={"kind": client.kind},
        on_run_created=seen.append,
    )
    assert seen[0]["run_id"] == created["run_id"]
    assert (await runs.join(thread, created["run_id"]))["count"] == 1
    run = await runs.get(thread, created["run_id"])
    assert (run["status"], run["metadata"]["kind"]) == ("success", client.kind)
    assert run["execution"]["outcome"] == "done"

    assert (await runs.wait(thread, "echo", input=question("two")))["count"] == 2
    assert len(await runs.list(thread, limit=1, offset=1, status="success", select=["run_id"])) == 1
    batch = await runs.create_batch(
        [{"assistant_id": "echo", "input": question()}, {"assistant_id": "echo", "input": {}}]
    )
    assert len({run["run_id"] for run in batch}) == 2

    await streams(client, thread)
    await strategies(client)
    await bulk(client)

    await runs.delete(thread, created["run_id"])
    await refused(NotFoundError, runs.get(thread, created["run_id"]))
    await refused(httpx.HTTPStatusError, runs.join(thread, created["run_id"]))
    assert runs.left_out() == []


async def streams(client, thread):
    runs = client.runs
    modes = ["values", "updates", "custom", "messages-tuple", "tasks", "checkpoints", "debug", "events"]
    parts = await everything(
        await runs.stream(
            thread,
            "echo",
            input={"custom": 2, **question("stream")},
            stream_mode=modes,
            stream_resumable=True,
        )
    )
    assert parts[0].event == "metadata"
    run_id = parts[0].data["run_id"]
    events = [part.event for part in parts]
    for event in ("values", "updates", "custom", "tasks", "checkpoints", "debug", "events"):
        assert event in events, event
    assert events.count("custom") == 2 and "error" not in events and "end" not in events
    assert [part.data for part in parts if part.event == "values"][-1]["messages"][-1]["content"] == "echo: stream"
    ids = [part.id for part in parts]
    assert all(ids) and len(set(ids)) == len(ids)

    replayed = await everything(await runs.join_stream(thread, run_id, last_event_id="0"))
    assert [(part.id, part.event, part.data) for part in replayed] == [
        (part.id, part.event, part.data) for part in parts
    ]
    middle = len(ids) // 2
    rest = await everything(await runs.join_stream(thread, run_id, last_event_id=ids[middle]))
    assert [part.id for part in rest] == ids[middle + 1 :]

    stateless = await everything(await runs.stream(None, "echo", input=question()))
    assert stateless[-1].event == "values" and stateless[-1].data["count"] == 1
    failed = await everything(await runs.stream(None, "echo", input={"fail": "no milk"}))
    assert failed[-1].event == "error" and failed[-1].data["message"] == "no milk"

    # What is emitted arrives while the run goes on.
    stream = await runs.stream(thread, "echo", input={"custom": 1, "sleep": 30}, stream_mode="custom")
    async for part in items(stream):
        if part.event == "metadata":
            slow = part.data["run_id"]
        if part.event == "custom":
            assert (await runs.get(thread, slow))["status"] == "running"
            break
    await runs.cancel(thread, slow, wait=True)
    assert (await runs.get(thread, slow))["status"] == "interrupted"


async def strategies(client):
    runs = client.runs
    thread = await client.new_thread()
    say = {"input": question()}
    first = await runs.create(thread, "echo", input={"sleep": 30})
    await refused(ConflictError, runs.create(thread, "echo", **say, multitask_strategy="reject"))
    values = await runs.wait(thread, "echo", **say, multitask_strategy="interrupt")
    assert values["count"] == 1
    assert (await runs.get(thread, first["run_id"]))["status"] == "interrupted"
    second = await runs.create(thread, "echo", input={"sleep": 30})
    await runs.wait(thread, "echo", **say, multitask_strategy="rollback")
    await refused(NotFoundError, runs.get(thread, second["run_id"]))
    late = await runs.create(thread, "echo", **say, after_seconds=600)
    assert (await client.threads.get(thread))["status"] == "busy"
    await runs.cancel(thread, late["run_id"], action="rollback", wait=True)

    asked = await runs.wait(thread, "echo", input={"ask": "Sure?"})
    assert asked["__interrupt__"][0]["value"] == "Sure?"
    answered = await runs.wait(thread, "echo", command={"resume": "yes"})
    assert answered["answer"] == "yes"
    await refused(UnprocessableEntityError, runs.create(thread, "echo", command={"goto": "nowhere"}))
    both = {"context": {"a": 1}, "config": {"configurable": {"b": 2}}}
    await refused(BadRequestError, runs.create(thread, "echo", **both))
    made = await runs.create("00000000-0000-4000-8000-0000000000aa", "echo", **say, if_not_exists="create")
    assert made["thread_id"] == "00000000-0000-4000-8000-0000000000aa"
    await client.threads.delete(made["thread_id"])
    await refused(NotFoundError, runs.create(made["thread_id"], "echo", **say))


async def bulk(client):
    runs = client.runs
    thread = await client.new_thread()
    waiting = [await runs.create(thread, "echo", input={"sleep": 30}) for _ in range(3)]
    ids = [run["run_id"] for run in waiting]

    async def begun():
        return (await runs.get(thread, ids[0]))["status"] == "running"

    await until(begun)
    await runs.cancel_many(thread_id=thread, run_ids=ids)

    async def ended():
        return [(await runs.get(thread, one))["status"] for one in ids] == ["interrupted"] * 3

    await until(ended)
    await refused(NotFoundError, runs.cancel_many(thread_id=thread, run_ids=ids))
