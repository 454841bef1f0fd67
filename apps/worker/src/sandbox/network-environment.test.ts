import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { certificatePaths, networkEnvironment } from "./network-environment.ts";

test("certificates that exist and proxies without a password go along, nothing else does", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-ca-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const bundle = join(folder, "ca.pem");
  await writeFile(bundle, "");
  const env = {
    NODE_EXTRA_CA_CERTS: bundle,
    SSL_CERT_FILE: join(folder, "gone.pem"),
    SSL_CERT_DIR: "/usr/share",
    HTTPS_PROXY: "http://proxy:3128",
    http_proxy: "http://me:secret@proxy:3128",
    AWS_SECRET_ACCESS_KEY: "x",
  };
  expect(networkEnvironment(env)).toEqual({ NODE_EXTRA_CA_CERTS: bundle, SSL_CERT_DIR: "/usr/share", HTTPS_PROXY: "http://proxy:3128" });
  expect(certificatePaths(env)).toEqual([bundle]);
});
