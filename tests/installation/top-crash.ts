import { readFileSync } from "node:fs";
import { runTop } from "@slipway/cli/top/run-top";
import { Client } from "@slipway/protocol/client";
import { createColors } from "picocolors";

/** `slipway top` in which something breaks that nobody expected, a while after it began. */
const client = new Client({ url: process.env["SLIPWAY_URL"] ?? "", token: readFileSync(process.env["SLIPWAY_TOKEN_FILE"] ?? "", "utf8") });
setTimeout(() => {
  throw new Error("nobody expected this");
}, 3_000);
await runTop({ client, colors: createColors(true), openPage: async () => "" });
