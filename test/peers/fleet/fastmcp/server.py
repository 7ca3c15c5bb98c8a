"""The feature server of FastMCP 2, 3 and 4 (the last one speaks both eras). See ../README.md."""

import asyncio
import json
import sys
from dataclasses import dataclass

import fastmcp
from fastmcp import Context, FastMCP

GENERATION = int(fastmcp.__version__.split(".")[0])
mcp = FastMCP("fleet")
STATIC = "fleet://static"


@dataclass
class Who:
    name: str


@dataclass
class Sum:
    sum: int


@mcp.tool
async def add(a: int, b: int) -> str:
    return str(a + b)


@mcp.tool
async def progress(ctx: Context) -> str:
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
        # Clients drop progress that arrives together with the answer.
        await asyncio.sleep(0.01)
    return "done"


@mcp.tool
async def log(ctx: Context) -> str:
    for line in (1, 2, 3, 4):
        await ctx.info(f"line {line}")
    return "logged"


@mcp.tool
async def elicit(ctx: Context) -> str:
    answer = await ctx.elicit("Who are you?", Who)
    return f"hello {answer.data.name}" if answer.action == "accept" else answer.action


@mcp.tool
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "awake"


@mcp.tool
async def fail() -> str:
    raise ValueError("failed on purpose")


@mcp.tool
async def structured() -> Sum:
    return Sum(sum=3)


def described(name, capabilities) -> str:
    plain = capabilities.model_dump(mode="json", by_alias=True, exclude_none=True) if capabilities else None
    return json.dumps({"name": name, "capabilities": plain})


if GENERATION < 4:

    @mcp.tool
    async def sample(ctx: Context) -> str:
        return (await ctx.sample("say something", max_tokens=100)).text

    @mcp.tool
    async def roots(ctx: Context) -> str:
        return " ".join(str(root.uri) for root in await ctx.list_roots())

    @mcp.tool
    async def whoami(ctx: Context) -> str:
        client = ctx.session.client_params
        return described(client.clientInfo.name, client.capabilities)

else:
    # Generation 4 leaves sampling and roots to the SDK below, and asks by result.
    from mcp_types import (
        ElicitRequest,
        ElicitRequestFormParams,
        ElicitResult,
        InputRequiredResult,
        SamplingMessage,
        TextContent,
    )

    FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

    @mcp.tool
    async def sample(ctx: Context) -> str:
        message = SamplingMessage(role="user", content=TextContent(type="text", text="say something"))
        answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
        return answer.content.text

    @mcp.tool
    async def roots(ctx: Context) -> str:
        return " ".join(str(root.uri) for root in (await ctx.session.list_roots()).roots)

    @mcp.tool
    async def ask(ctx: Context) -> str | InputRequiredResult:
        answer = (ctx.input_responses or {}).get("who")
        if not isinstance(answer, ElicitResult):
            form = ElicitRequestFormParams(message="Who are you?", requested_schema=FORM)
            return InputRequiredResult(input_requests={"who": ElicitRequest(params=form)})
        return f"hello {answer.content['name']}" if answer.action == "accept" else answer.action

    @mcp.tool
    async def whoami(ctx: Context) -> str:
        client = ctx.session.client_params
        return described(client.client_info.name if client else None, ctx.session.client_capabilities)

    @mcp.completion
    def complete(ref, argument, context):
        return [name for name in ("alice", "albert", "bob") if name.startswith(argument.value)]


if GENERATION == 2:

    @mcp.tool
    async def grow(ctx: Context) -> str:
        """One list for all sessions, and FastMCP announces the change itself."""
        mcp.add_tool(fastmcp.tools.Tool.from_function(lambda: "grown", name="grown"))
        return "grew"

else:

    @mcp.tool
    async def grown() -> str:
        return "grown"

    mcp.disable(names={"grown"}, components={"tool"})

    @mcp.tool
    async def grow(ctx: Context) -> str:
        """For this session only."""
        await ctx.enable_components(names={"grown"}, components={"tool"})
        return "grew"


@mcp.resource(STATIC, mime_type="text/plain")
def static() -> str:
    return "static text"


@mcp.resource("fleet://item/{id}", mime_type="text/plain")
def item(id: str) -> str:
    return f"item {id}"


@mcp.prompt
def greet(name: str) -> str:
    return f"Say hello to {name}."


if sys.argv[1:2] == ["--http"]:
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[2]), show_banner=False)
else:
    mcp.run(show_banner=False)
