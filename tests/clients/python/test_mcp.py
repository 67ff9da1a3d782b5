"""Assistants as tools, through the official Python client of the Model Context Protocol."""

import asyncio
import json
import os

import httpx
import pytest
from mcp import Client, MCPError

URL = os.environ["WAKEFUL_URL"]
MODES = ["legacy", "auto"]


def with_client(mode, work):
    async def connected():
        async with Client(f"{URL}/mcp", mode=mode) as client:
            return await work(client)

    return asyncio.run(connected())


@pytest.mark.parametrize("mode", MODES)
def test_every_assistant_is_a_tool(mode):
    async def work(client):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"echo", "clock", "weekly-todos"} <= tools.keys()
        assert tools["echo"].input_schema["type"] == "object"
        assert tools["echo"].description

        hello = {"messages": [{"role": "user", "content": "hello"}]}
        result = await client.call_tool("echo", hello)
        assert not result.is_error
        assert result.structured_content["messages"][-1]["content"] == "echo: hello"
        assert json.loads(result.content[0].text) == result.structured_content

    with_client(mode, work)


@pytest.mark.parametrize("mode", MODES)
def test_what_goes_wrong_is_told(mode):
    async def work(client):
        failed = await client.call_tool("echo", {"fail": "boom"})
        assert failed.is_error
        assert "boom" in failed.content[0].text
        asked = await client.call_tool("echo", {"ask": "Sure?"})
        assert asked.is_error
        assert "Sure?" in asked.content[0].text
        with pytest.raises(MCPError, match="nobody"):
            await client.call_tool("nobody", {})

    with_client(mode, work)


def test_a_call_that_is_given_up_ends_its_run():
    async def work(client):
        with pytest.raises(MCPError):
            await client.call_tool("echo", {"sleep": 60}, read_timeout_seconds=1)

    with_client("legacy", work)

    async def ended():
        async with httpx.AsyncClient(base_url=URL) as http:
            for _ in range(300):
                runs = (await http.get("/runs", params={"limit": 100})).json()
                slept = [run for run in runs if run["kwargs"]["input"] == {"sleep": 60}]
                if slept and slept[0]["status"] == "interrupted":
                    return True
                await asyncio.sleep(0.1)
            return False

    assert asyncio.run(ended())
