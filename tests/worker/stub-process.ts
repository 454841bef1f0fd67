import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of its own process that renews every lease; prints its address. For tests that block the thread of the test. */
const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ttlMs: 1_500 })));
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().on("end", () => process.exit(0));
