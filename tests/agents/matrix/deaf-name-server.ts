import { createSocket } from "node:dgram";
import { once } from "node:events";

const REFUSED = 5;

/** A name server on port 53 of this network that answers nobody, and writes down who is looked for. */
export interface DeafNameServer {
  readonly names: ReadonlySet<string>;
  close(): void;
}

export async function startDeafNameServer(): Promise<DeafNameServer> {
  const names = new Set<string>();
  const server = createSocket("udp4");
  server.on("message", (query, from) => {
    names.add(questionOf(query));
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8180 | REFUSED, 2);
    server.send(answer, from.port, from.address);
  });
  server.bind(53, "127.0.0.1");
  await once(server, "listening");
  return { names, close: () => void server.close() };
}

/** The name in a query's question (RFC 1035, section 4.1.2). */
function questionOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12, length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return labels.join(".");
}
