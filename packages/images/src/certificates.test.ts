import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCertificates } from "./certificates.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-certificates-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const file = join(folder, "ca.pem");
  await writeFile(file, text);
  return file;
}

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

test("certificates come as they are", async () => {
  expect((await readCertificates(await fileWith(`# ours\n${CERTIFICATE}`))).toString()).toBe(`# ours\n${CERTIFICATE}`);
});

test.each([
  ["nothing of the kind", "no certificate"],
  [`${CERTIFICATE}-----BEGIN EC PRIVATE KEY-----\nMHcC\n`, "private key"],
])("a file that is something else is refused, with nothing of its content: %j", async (text, words) => {
  const error = await readCertificates(await fileWith(text)).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining(words), details: { field: "extraCaCerts" } });
  expect(JSON.stringify(error)).not.toContain("MHcC");
});

test("a file that is not there is named", async () => {
  await expect(readCertificates("/nowhere/ca.pem")).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining("/nowhere/ca.pem") });
});
