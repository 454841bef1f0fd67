import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
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

const [ONE = "", TWO = ""] = rootCertificates;

test("all certificates come, and the file as it is", async () => {
  const { content, certificates } = await readCertificates(await fileWith(`# ours\n${ONE}\nand theirs\n${TWO}\n`));
  expect(content.toString()).toBe(`# ours\n${ONE}\nand theirs\n${TWO}\n`);
  expect(certificates.map(({ raw }) => raw)).toEqual([ONE, TWO].map((text) => new X509Certificate(text).raw));
});

test.each([
  ["nothing of the kind", "there is no certificate in it"],
  [`${ONE}\n-----BEGIN EC PRIVATE KEY-----\nMHcC\n`, "there is a private key in it"],
  [`${ONE}\n-----BEGIN CERTIFICATE-----\nMHcC\n-----END CERTIFICATE-----\n`, "what stands there as certificate 2 is none (ERR_OSSL_"],
  [`${ONE}\n${TWO.slice(0, 200)}\n`, "a certificate in it does not end"],
  [`${TWO.slice(0, 200)}\n${ONE}\n`, "a certificate in it does not end"],
])("a file that is something else is refused, with nothing of its content: %#", async (text, words) => {
  const error = await readCertificates(await fileWith(text)).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining(words), details: { field: "extraCaCerts" } });
  expect(JSON.stringify(error)).not.toContain("MHcC");
});

test("a file that is not there is named", async () => {
  await expect(readCertificates("/nowhere/ca.pem")).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining("/nowhere/ca.pem") });
});
