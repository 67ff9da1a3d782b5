"""Every method of `client.crons`, through both Python clients."""

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from both import KINDS, Both, question, refused
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_crons(kind):
    asyncio.run(exercise(Both(kind)))


async def exercise(client):
    crons = client.crons
    thread = await client.new_thread()
    end = datetime.now(timezone.utc) + timedelta(days=3)
    on_thread = await crons.create_for_thread(
        thread,
        "echo",
        schedule="0 9 * * MON",
        timezone="Europe/Berlin",
        input=question(),
        metadata={"kind": client.kind},
        multitask_strategy="enqueue",
        end_time=end,
        stream_mode=["values"],
    )
    assert (on_thread["thread_id"], on_thread["on_run_completed"]) == (thread, None)
    stateless = await crons.create(
        "echo", schedule="*/5 * * * *", input=question(), metadata={"kind": client.kind}, enabled=False
    )
    assert stateless["enabled"] is False and stateless["thread_id"] is None
    changed = await crons.update(stateless["cron_id"], enabled=True, end_time=end, metadata={"more": 1})
    assert changed["metadata"] == {"kind": client.kind, "more": 1} and changed["end_time"]
    assert (await crons.update(stateless["cron_id"], end_time=None))["end_time"] is None

    mine = {"metadata": {"kind": client.kind}}
    found = await crons.search(
        **mine, limit=1, sort_by="next_run_date", sort_order="asc", select=["cron_id", "next_run_date"]
    )
    assert list(found[0]) == ["cron_id", "next_run_date"]
    assert [cron["cron_id"] for cron in await crons.search(thread_id=thread)] == [on_thread["cron_id"]]
    assert await crons.count(**mine, assistant_id=stateless["assistant_id"]) == 2
    await refused(UnprocessableEntityError, crons.create("echo", schedule="61 * * * *", input={}))

    await client.threads.delete(thread)
    await refused(NotFoundError, crons.delete(on_thread["cron_id"]))
    await crons.delete(stateless["cron_id"])
    assert crons.left_out() == []
