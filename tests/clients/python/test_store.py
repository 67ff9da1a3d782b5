"""Every method of `client.store`, through both Python clients."""

import asyncio

import pytest
from both import KINDS, Both, refused
from langgraph_sdk.errors import UnprocessableEntityError


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_store(kind):
    asyncio.run(exercise(Both(kind)))


async def exercise(client):
    store = client.store
    home = ["clients", client.kind]
    for age, name in enumerate(["ann", "bob", "cem"], start=20):
        await store.put_item([*home, "people"], key=name, value={"age": age, "name": name}, ttl=60)
    await store.put_item([*home, "pets"], key="rex", value={"age": 3}, index=False)
    item = await store.get_item([*home, "people"], key="bob", refresh_ttl=True)
    assert (item["value"], item["namespace"]) == ({"age": 21, "name": "bob"}, [*home, "people"])
    assert await store.get_item([*home, "people"], key="nobody") is None

    async def keys(**query):
        return [item["key"] for item in (await store.search_items(home, **query))["items"]]

    assert await keys() == ["rex", "cem", "bob", "ann"]
    assert await keys(filter={"age": {"$gte": 21}}) == ["cem", "bob"]
    assert await keys(filter={"name": "ann"}) == ["ann"]
    assert await keys(limit=1, offset=1) == ["cem"]
    listed = await store.list_namespaces(prefix=home, max_depth=3)
    assert sorted(listed["namespaces"]) == [[*home, "people"], [*home, "pets"]]
    await refused(UnprocessableEntityError, keys(filter={"age": {"$near": 1}}))

    for namespace, key in [("people", "ann"), ("people", "bob"), ("people", "cem"), ("pets", "rex")]:
        await store.delete_item([*home, namespace], key=key)
    assert await keys() == []
    await store.delete_item([*home, "pets"], key="rex")
    assert store.left_out() == []
