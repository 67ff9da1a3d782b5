"""Assistants as agents, through the official Python client of the Agent2Agent protocol."""

import asyncio
import os

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import get_message_text, new_data_message, new_text_message
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils.errors import A2AError, TaskNotCancelableError, TaskNotFoundError

URL = os.environ["WAKEFUL_URL"]
CARD = "/.well-known/agent-card.json?assistant_id=echo"
VERSIONS = ["1.0", "0.3"]


def with_client(version, work, **config):
    """Does the work with a client that speaks one version of the protocol."""

    async def connected():
        async with httpx.AsyncClient(timeout=60) as http:
            card = await A2ACardResolver(http, URL).get_agent_card(relative_card_path=CARD)
            assert card.name == "echo"
            offered = list(card.supported_interfaces)
            assert [one.protocol_version for one in offered] == VERSIONS
            del card.supported_interfaces[:]
            card.supported_interfaces.extend(
                one for one in offered if one.protocol_version == version
            )
            client = ClientFactory(ClientConfig(httpx_client=http, **config)).create(card)
            return await work(client)

    return asyncio.run(connected())


async def send(client, message):
    """Sends a message, and returns everything that comes back."""
    request = SendMessageRequest(message=message)
    return [event async for event in client.send_message(request)]


def text(words, **ids):
    return new_text_message(words, role=Role.ROLE_USER, **ids)


def data(document, **ids):
    return new_data_message(document, role=Role.ROLE_USER, **ids)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_is_answered_and_its_context_goes_on(version):
    async def work(client):
        [first] = await send(client, text("hi"))
        assert first.task.status.state == TaskState.TASK_STATE_COMPLETED
        assert first.task.artifacts[0].parts[0].text == "echo: hi"
        assert [get_message_text(one) for one in first.task.history] == ["hi", "echo: hi"]
        [second] = await send(client, text("again", context_id=first.task.context_id))
        assert second.task.context_id == first.task.context_id
        assert second.task.id != first.task.id
        found = await client.get_task(GetTaskRequest(id=second.task.id))
        assert found == second.task

    with_client(version, work, streaming=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stream_ends_with_the_state_of_its_task(version):
    async def work(client):
        events = await send(client, data({"custom": 2}))
        kinds = [event.WhichOneof("payload") for event in events]
        assert kinds == ["task", *["status_update"] * 2, "artifact_update", "status_update"]
        assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED

    with_client(version, work)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_question_is_answered_with_the_next_message(version):
    async def work(client):
        asked = (await send(client, data({"ask": "Sure?"})))[-1].status_update
        assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert get_message_text(asked.status.message) == "Sure?"
        ids = {"task_id": asked.task_id, "context_id": asked.context_id}
        done = (await send(client, text("yes", **ids)))[-1].status_update
        assert done.task_id == asked.task_id
        assert done.status.state == TaskState.TASK_STATE_COMPLETED

    with_client(version, work)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_task_is_cancelled_and_followed(version):
    async def work(client):
        sent = client.send_message(SendMessageRequest(message=data({"sleep": 60})))
        task = (await anext(sent)).task.id
        followed = client.subscribe(SubscribeToTaskRequest(id=task))
        assert (await anext(followed)).task.id == task
        cancelled = await client.cancel_task(CancelTaskRequest(id=task))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        for stream in [sent, followed]:
            last = [event async for event in stream][-1]
            assert last.status_update.status.state == TaskState.TASK_STATE_CANCELED
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task))
        with pytest.raises(TaskNotFoundError):
            await client.get_task(GetTaskRequest(id="nonsense"))
        with pytest.raises(A2AError):
            await send(client, text("more", task_id=task))

    with_client(version, work)


def test_the_tasks_of_a_context_are_listed():
    async def work(client):
        [first] = await send(client, text("one"))
        context = first.task.context_id
        [second] = await send(client, text("two", context_id=context))
        ids = [second.task.id, first.task.id]
        listed = await client.list_tasks(ListTasksRequest(context_id=context))
        assert [task.id for task in listed.tasks] == ids
        assert (listed.total_size, listed.next_page_token) == (2, "")
        page = await client.list_tasks(ListTasksRequest(context_id=context, page_size=1))
        more = ListTasksRequest(context_id=context, page_size=1, page_token=page.next_page_token)
        rest = await client.list_tasks(more)
        assert [task.id for task in [*page.tasks, *rest.tasks]] == ids

    with_client("1.0", work, streaming=False)
