"""The feature server of the Python SDK 1.x. See ../README.md."""

import asyncio
import json
import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import Completion, PromptReference, SamplingMessage, TextContent
from pydantic import BaseModel

HTTP = sys.argv[1:2] == ["--http"]
mcp = FastMCP("fleet", host="127.0.0.1", port=int(sys.argv[2]) if HTTP else 8000, log_level="WARNING")


class Who(BaseModel):
    name: str


class Sum(BaseModel):
    sum: int


@mcp.tool()
async def add(a: int, b: int) -> str:
    return str(a + b)


@mcp.tool()
async def progress(ctx: Context) -> str:
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
        # Clients drop progress that arrives together with the answer.
        await asyncio.sleep(0.01)
    return "done"


@mcp.tool()
async def log(ctx: Context) -> str:
    for line in (1, 2, 3, 4):
        await ctx.info(f"line {line}")
    return "logged"


@mcp.tool()
async def elicit(ctx: Context) -> str:
    answer = await ctx.elicit("Who are you?", Who)
    return f"hello {answer.data.name}" if answer.action == "accept" else answer.action


@mcp.tool()
async def sample(ctx: Context) -> str:
    message = SamplingMessage(role="user", content=TextContent(type="text", text="say something"))
    answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return answer.content.text


@mcp.tool()
async def roots(ctx: Context) -> str:
    return " ".join(str(root.uri) for root in (await ctx.session.list_roots()).roots)


@mcp.tool()
async def grow(ctx: Context) -> str:
    """This SDK has one list for all sessions."""
    if not any(tool.name == "grown" for tool in await mcp.list_tools()):
        mcp.add_tool(lambda: "grown", name="grown", description="grown")
    await ctx.session.send_tool_list_changed()
    return "grew"


@mcp.tool()
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "awake"


@mcp.tool()
async def fail() -> str:
    raise ValueError("failed on purpose")


@mcp.tool()
async def structured() -> Sum:
    return Sum(sum=3)


@mcp.tool()
async def whoami(ctx: Context) -> str:
    client = ctx.session.client_params
    capabilities = client.capabilities.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps({"name": client.clientInfo.name, "capabilities": capabilities})


@mcp.tool()
async def touch(ctx: Context) -> str:
    for uri in subscribed.get(ctx.session, ()):
        await ctx.session.send_resource_updated(uri)
    return "touched"


@mcp.resource("fleet://static", mime_type="text/plain")
def static() -> str:
    return "static text"


@mcp.resource("fleet://item/{id}", mime_type="text/plain")
def item(id: str) -> str:
    return f"item {id}"


@mcp.prompt()
def greet(name: str) -> str:
    return f"Say hello to {name}."


@mcp.completion()
async def complete(ref, argument, context):
    if not isinstance(ref, PromptReference):
        return None
    return Completion(values=[name for name in ("alice", "albert", "bob") if name.startswith(argument.value)])


# Which session wants to hear of which resources: the SDK leaves that to its low-level server.
subscribed: dict = {}


@mcp._mcp_server.subscribe_resource()
async def subscribe(uri) -> None:
    subscribed.setdefault(mcp._mcp_server.request_context.session, set()).add(uri)


@mcp._mcp_server.unsubscribe_resource()
async def unsubscribe(uri) -> None:
    subscribed.get(mcp._mcp_server.request_context.session, set()).discard(uri)


mcp.run(transport="streamable-http" if HTTP else "stdio")
