"""The feature server of the Python SDK 2.x, which speaks both eras. See ../README.md."""

import asyncio
import json
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import (
    Completion,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmptyResult,
    InputRequiredResult,
    PromptReference,
    SamplingMessage,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel

mcp = MCPServer("fleet", log_level="WARNING")
STATIC = "fleet://static"
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


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
async def ask(ctx: Context) -> str | InputRequiredResult:
    answer = (ctx.input_responses or {}).get("who")
    if not isinstance(answer, ElicitResult):
        form = ElicitRequestFormParams(message="Who are you?", requested_schema=FORM)
        return InputRequiredResult(input_requests={"who": ElicitRequest(params=form)})
    return f"hello {answer.content['name']}" if answer.action == "accept" else answer.action


@mcp.tool()
async def grow(ctx: Context) -> str:
    """This SDK has one list for all sessions, and each era hears of changes in a way of its own."""
    if not any(tool.name == "grown" for tool in await mcp.list_tools()):
        mcp.add_tool(lambda: "grown", name="grown", description="grown")
    await ctx.notify_tools_changed()
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
    capabilities = ctx.client_capabilities
    return json.dumps({
        "name": client.client_info.name if client else None,
        "capabilities": capabilities.model_dump(mode="json", by_alias=True, exclude_none=True) if capabilities else None,
    })


@mcp.tool()
async def touch(ctx: Context) -> str:
    await ctx.notify_resource_updated(STATIC)
    await ctx.session.send_resource_updated(STATIC)
    return "touched"


@mcp.resource(STATIC, mime_type="text/plain")
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


async def accept(ctx, params) -> EmptyResult:
    return EmptyResult()


mcp._lowlevel_server.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
mcp._lowlevel_server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)

if sys.argv[1:2] == ["--http"]:
    mcp.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
else:
    mcp.run()
