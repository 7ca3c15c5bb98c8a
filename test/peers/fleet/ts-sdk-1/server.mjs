import { completable } from "@modelcontextprotocol/sdk/server/completable.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as schemas from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { serve } from "../ts-sdk-1/features.mjs";

await serve({
  McpServer,
  ResourceTemplate,
  completable,
  StdioServerTransport,
  StreamableHTTPServerTransport,
  schemas,
  z,
});
