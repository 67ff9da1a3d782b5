"""Every method of `client.assistants`, through both Python clients."""

import asyncio

import pytest
from both import KINDS, Both, refused
from langgraph_sdk.errors import ConflictError, NotFoundError


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_assistants(kind):
    asyncio.run(exercise(Both(kind)))


async def exercise(client):
    assistants = client.assistants
    made = await assistants.create(
        "echo",
        context={"tone": "dry"},
        metadata={"team": client.kind, "deep": {"a": 1, "b": 2}},
        name=f"Echo for {client.kind}",
        description="says it again",
    )
    made_id = made["assistant_id"]
    assert (made["version"], made["graph_id"], made["context"]) == (1, "echo", {"tone": "dry"})
    assert made["config"]["configurable"] == {"tone": "dry"}
    assert (await assistants.get(made_id))["name"] == f"Echo for {client.kind}"

    same = await assistants.create("echo", assistant_id=made_id, if_exists="do_nothing")
    assert same["name"] == made["name"]
    await refused(ConflictError, assistants.create("echo", assistant_id=made_id))
    await refused(NotFoundError, assistants.create("no-such-graph"))

    changed = await assistants.update(made_id, metadata={"more": True}, description="again")
    assert changed["version"] == 2
    assert changed["metadata"]["team"] == client.kind and changed["metadata"]["more"] is True
    versions = await assistants.get_versions(made_id)
    assert [version["version"] for version in versions] == [2, 1]
    assert "more" not in (await assistants.set_latest(made_id, 1))["metadata"]
    assert (await assistants.get(made_id))["version"] == 1

    found = await assistants.search(metadata={"team": client.kind, "deep": {"b": 2}}, graph_id="echo")
    assert made_id in [assistant["assistant_id"] for assistant in found]
    paged = await assistants.search(limit=1, sort_by="name", sort_order="asc", response_format="object")
    assert len(paged["assistants"]) == 1 and paged["next"] == "1"
    assert await assistants.count(metadata={"team": client.kind}) >= 1

    graph = await assistants.get_graph(made_id)
    assert "echo" in [node["id"] for node in graph["nodes"]] and graph["edges"]
    schemas = await assistants.get_schemas(made_id)
    assert schemas["graph_id"] == "echo" and "input_schema" in schemas
    assert await assistants.get_subgraphs(made_id, recurse=True) == {}

    thread = await client.new_thread()
    await client.runs.wait(thread, made_id, input={})
    await assistants.delete(made_id, delete_threads=True)
    await refused(NotFoundError, assistants.get(made_id))
    await refused(NotFoundError, client.threads.get(thread))
    assert assistants.left_out() == []
