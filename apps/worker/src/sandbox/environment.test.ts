import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { environmentCapability } from "@slipway/protocol/sandbox-kind";
import { expect, test } from "vitest";
import { capabilitiesOf } from "../daemon/register.ts";
import { receiptOf } from "../job/receipt.ts";
import { environmentOf } from "./environment.ts";

test("an environment is of its sandbox, its PATH and its toolchains, in whatever order they are named", () => {
  const bare = environmentOf({ kind: "none" }, ["/opt/a", "/opt/b"], "/usr/bin");
  expect(bare.image).toBe("none");
  expect(environmentOf({ kind: "none" }, ["/opt/b", "/opt/a"], "/usr/bin")).toEqual(bare);
  const boxed = environmentOf({ kind: "bwrap" }, ["/opt/a", "/opt/b"], "/usr/bin");
  expect(boxed.image).toBe("host");
  const others = [environmentOf({ kind: "none" }, ["/opt/a"], "/usr/bin"), environmentOf({ kind: "none" }, ["/opt/a", "/opt/b"], "/usr/bin:/bin")];
  const digests = [bare, boxed, ...others].map(({ digest }) => digest);
  expect(new Set(digests).size).toBe(digests.length);
  for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test("a worker registers with the environment that its receipts carry", () => {
  const toolchains = ["/opt/a"];
  const spec = { completionId: "", mergedOid: "", tree: "", config: parseRepositoryConfig("") };
  const ending = { passed: true, exitCode: 0, timedOut: false, durationMs: 1, failureDigest: "", excerpt: "" };
  const receipt = receiptOf({ provider: { kind: "none" }, toolchains }, spec, { name: "test", command: "true", artifact: "a", outputDigest: "", ...ending });
  expect(receipt).toMatchObject({ image: "none", exitCode: 0 });
  expect(capabilitiesOf([], { kind: "none" }, toolchains)).toContain(environmentCapability(receipt.environmentDigest));
});
