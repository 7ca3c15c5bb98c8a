import * as node from "@modelcontextprotocol/node";
import * as sdk from "@modelcontextprotocol/server";
import * as stdio from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { serve } from "../ts-sdk-2/features.mjs";

serve({ sdk, stdio, node, z });
