import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

/**
 * A small MCP server over stdio, alone in one file so that a test can put it into a workspace: one tool, `high_water`, whose answer shows the arguments of the
 * server, and its key by the first digits of a digest.
 * The protocol: https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle.
 */
const TOOL = {
  name: "high_water",
  description: "When the water is highest in a harbour.",
  inputSchema: { type: "object", properties: { harbour: { type: "string" } }, required: ["harbour"] },
  annotations: { readOnlyHint: true },
};

function highWater({ harbour }) {
  const key = process.env.TIDE_KEY;
  const digest = key === undefined ? "no key" : `key ${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
  return `High water at ${harbour}: 04:12 (${process.argv.slice(2).join(" ")}; ${digest})`;
}

const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "tides", version: "1.0.0" } }),
  ping: () => ({}),
  "tools/list": () => ({ tools: [TOOL] }),
  "tools/call": ({ name, arguments: given }) =>
    name === TOOL.name
      ? { content: [{ type: "text", text: highWater(given) }] }
      : { content: [{ type: "text", text: `There is no tool ${name}.` }], isError: true },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params = {} } = JSON.parse(line);
  // What has no id is a notice, and is not answered.
  if (id === undefined) continue;
  const answer = METHODS[method];
  const body = answer ? { result: answer(params) } : { error: { code: -32601, message: `No such method: ${method}.` } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...body })}\n`);
}
