import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

/** An npm registry on 127.0.0.1 that has one package, of version 1.0.0, with one program. */
export interface NpmRegistry extends AsyncDisposable {
  readonly address: string;
}

/** `program` is the program's text, with its first line saying what runs it. */
export async function startNpmRegistry(name: string, program: string): Promise<NpmRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-registry-"));
  const described = { name, version: "1.0.0", bin: { [name]: "./program" }, files: ["program"] };
  await writeFile(join(folder, "package.json"), JSON.stringify(described));
  await writeFile(join(folder, "program"), program, { mode: 0o755 });
  await execa("npm", ["pack", "--silent", "--ignore-scripts"], { cwd: folder });
  const tarball = await readFile(join(folder, `${name}-1.0.0.tgz`));
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const server = createServer((request, response) => {
    if (request.url === "/tarball") return response.end(tarball);
    if (request.url !== `/${name}`) return response.writeHead(404).end("{}");
    const dist = { integrity, tarball: `${address}/tarball` };
    return response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": { ...described, dist } } }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}
