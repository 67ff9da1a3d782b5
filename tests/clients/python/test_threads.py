"""Every method of `client.threads`, through both Python clients."""

import asyncio

import pytest
from both import KINDS, Both, everything, items, question, refused
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_threads(kind):
    asyncio.run(exercise(Both(kind)))


async def exercise(client):
    threads = client.threads
    thread = await client.new_thread(metadata={"topic": client.kind}, ttl=60)
    await refused(ConflictError, threads.create(thread_id=thread))
    assert (await threads.create(thread_id=thread, if_exists="do_nothing"))["thread_id"] == thread
    assert (await threads.get(thread, include=["ttl"]))["ttl"]["strategy"] == "delete"
    changed = await threads.update(thread, metadata={"more": 1})
    assert changed["metadata"] == {"topic": client.kind, "more": 1}
    assert await threads.update(thread, metadata={"more": 2}, return_minimal=True) is None

    await refused(BadRequestError, threads.update_state(thread, {"count": 9}))
    await client.runs.wait(thread, "echo", input=question("one"))
    await client.runs.wait(thread, "echo", input=question("two"))
    state = await threads.get_state(thread)
    assert state["values"]["count"] == 2
    assert await threads.get_state(thread, checkpoint=state["checkpoint"]) == state
    assert await threads.get_state(thread, checkpoint_id=state["checkpoint_id"]) == state

    history = await threads.get_history(thread)
    counts = [entry["values"].get("count") for entry in history]
    assert counts[:2] == [2, 1]
    for before in (history[0]["checkpoint_id"], history[0]["checkpoint"]):
        older = await threads.get_history(thread, limit=1, before=before)
        assert [entry["checkpoint_id"] for entry in older] == [history[1]["checkpoint_id"]]

    updated = await threads.update_state(thread, {"count": 40}, as_node="echo")
    assert (await threads.get_state(thread))["checkpoint_id"] == updated["checkpoint_id"]
    values = await client.runs.wait(thread, "echo", input=question("three"))
    assert values["count"] == 41
    forked = await client.runs.wait(
        thread, "echo", input=question("fork"), checkpoint_id=history[1]["checkpoint_id"]
    )
    assert forked["count"] == 2

    copied = (await threads.copy(thread))["thread_id"]
    assert (await threads.get_state(copied))["values"] == forked
    found = await threads.search(
        metadata={"topic": client.kind},
        values={"count": 2},
        ids=[thread, copied],
        status="idle",
        sort_by="created_at",
        sort_order="asc",
        select=["thread_id", "values"],
        extract={"last": "values.messages[-1].content"},
    )
    assert [one["thread_id"] for one in found] == [thread, copied]
    assert found[0]["extracted"] == {"last": "echo: fork"} and "metadata" not in found[0]
    assert await threads.count(metadata={"topic": client.kind}, values={"count": 2}) >= 2

    stored = await client.new_thread(
        metadata={"graph_id": "echo"},
        supersteps=[{"updates": [{"values": {"count": 7}, "as_node": "__input__"}]}],
    )
    assert (await threads.get_state(stored))["values"]["count"] == 7
    assert (await threads.prune([stored, copied]))["pruned_count"] == 2
    await refused(NotFoundError, threads.get(stored))

    # The stream of a thread stays open, so it is left when the run that it was to show is over.
    seen = []
    stream = await threads.join_stream(thread, last_event_id="0")
    async for part in items(stream):
        seen.append(part)
        if part.event == "metadata" and part.data.get("status") == "run_done":
            break
    assert "values" in [part.event for part in seen]

    await talk(client)
    await stop(client)
    await threads.delete(thread)
    await refused(NotFoundError, threads.get(thread))
    assert threads.left_out() == []


async def talk(client):
    """The thread-centric stream: starts a run that asks, answers it, and reads the output."""
    for transport in ["sse", "websocket"] if client.kind == "async" else ["sse"]:
        session = await client.threads.stream(assistant_id="echo", **(
            {"transport": transport} if client.kind == "async" else {}
        ))
        if client.kind == "async":
            async with session as thread:
                await thread.run.start(input={"ask": "Sure?", **question()})
                await wait_for_question(thread)
                await thread.run.respond("yes")
                assert (await thread.output)["answer"] == "yes"
        else:
            with session as thread:
                thread.run.start(input={"ask": "Sure?", **question()})
                await wait_for_question(thread)
                thread.run.respond("yes")
                assert thread.output["answer"] == "yes"


async def stop(client):
    """The output of a run that is cancelled, whether it has begun or not, is an error, and no wait for ever."""
    for transport in ["sse", "websocket"] if client.kind == "async" else ["sse"]:
        for begins in [True, False]:
            busy = await client.new_thread()
            if not begins:
                await client.runs.create(busy, "echo", input={"sleep": 60})
            options = {"thread_id": busy, "assistant_id": "echo"}
            if client.kind == "async":
                async with await client.threads.stream(**options, transport=transport) as thread:
                    run = (await thread.run.start(input={"sleep": 60}))["run_id"]
                    output = asyncio.ensure_future(wait_for_output(thread))
                    await cancel(client, busy, run, begins)
                    problem = await asyncio.wait_for(output, 20)
            else:
                with await client.threads.stream(**options) as thread:
                    run = thread.run.start(input={"sleep": 60})["run_id"]
                    output = asyncio.create_task(asyncio.to_thread(outcome_of, thread))
                    await cancel(client, busy, run, begins)
                    problem = await asyncio.wait_for(output, 20)
            assert "cancelled" in str(problem)
            await client.threads.delete(busy)


async def wait_for_output(thread):
    with pytest.raises(RuntimeError) as raised:
        await thread.output
    return raised.value


def outcome_of(thread):
    with pytest.raises(RuntimeError) as raised:
        thread.output
    return raised.value


async def cancel(client, thread, run, begins):
    """Cancels a run, once it has begun if it is to begin."""
    for _ in range(1_000):
        if not begins or (await client.runs.get(thread, run))["status"] == "running":
            return await client.runs.cancel(thread, run)
        await asyncio.sleep(0.02)
    raise AssertionError("the run did not begin in 20 seconds")


async def wait_for_question(thread):
    for _ in range(1_000):
        if thread.interrupted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the question did not arrive in 20 seconds")
