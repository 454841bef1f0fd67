import { expect, test } from "vitest";
import { carriesCredential, redactUrls, splitUrl } from "./credential.ts";
import { gitEnvironment } from "./environment.ts";
import { gitText, runGit, tellsOfFullDisk } from "./exec.ts";
import { withLock } from "./lock.ts";

test("git sees none of our environment's git settings and tokens", async () => {
  process.env["GIT_DIR"] = "/nonexistent";
  process.env["GIT_EXTERNAL_DIFF"] = "touch /tmp/x";
  process.env["SLIPWAY_TOKEN"] = "secret";
  try {
    const env = gitEnvironment({});
    expect(env).not.toHaveProperty("GIT_DIR");
    expect(env).not.toHaveProperty("GIT_EXTERNAL_DIFF");
    expect(env).not.toHaveProperty("SLIPWAY_TOKEN");
    expect(await gitText(["config", "--get", "core.hooksPath"])).toBe("/dev/null");
    expect(await gitText(["config", "--list", "--show-scope", "--system", "--global"], { okExitCodes: [0, 1, 128, 129] })).toBe("");
  } finally {
    for (const name of ["GIT_DIR", "GIT_EXTERNAL_DIFF", "SLIPWAY_TOKEN"]) delete process.env[name];
  }
});

test("failures carry a code, git's words and no password", async () => {
  await expect(runGit(["rev-parse", "HEAD"], { failure: "BASE_NOT_FOUND" })).rejects.toMatchObject({ code: "BASE_NOT_FOUND", details: { exitCode: 128 } });
  await expect(runGit(["version"], { cwd: "/nonexistent" })).rejects.toMatchObject({ code: "INTERNAL" });
  await expect(runGit(["help", "-a"], { maxBuffer: 10 })).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
  await expect(runGit(["version"], { memoryLimitBytes: 1 })).rejects.toMatchObject({ code: "INTERNAL" });
  const reason = new Error("enough");
  await expect(runGit(["version"], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(runGit(["cat-file", "--batch"], { inputFd: 0, cwd: "/nonexistent" })).rejects.toMatchObject({ name: "SlipwayError" });
});

test("a full disk is told from other failures, in each of git's words for it", () => {
  const words = [
    "fatal: sha1 file '/hub/objects/pack/tmp_pack_V' write error. Out of diskspace",
    "remote: fatal: unable to write loose object file: No space left on device",
    "error: copy-fd: write returned: Disk quota exceeded",
  ];
  for (const text of words) expect(tellsOfFullDisk(text), text).toBe(true);
  expect(tellsOfFullDisk("fatal: Needed a single revision")).toBe(false);
});

test("an address and its password part", () => {
  expect(splitUrl("https://me:s%40cret@host/x.git")).toEqual({
    url: "https://host/x.git",
    authorization: `Basic ${Buffer.from("me:s@cret").toString("base64")}`,
  });
  for (const url of ["https://host/x.git", "git@host:x.git", "ssh://git@host/x", "/a/b", "not a url"]) expect(splitUrl(url)).toEqual({ url });
  expect(redactUrls("fatal: https://me:secret@host/x and Authorization: Basic abc=")).toBe("fatal: https://***@host/x and Authorization: Basic ***");
});

test("an address with a password never becomes an argument", async () => {
  for (const url of ["https://me:secret@host/x.git", "http://x:TO KEN@host:1/y", "HTTPS://me@host/x"]) {
    expect(carriesCredential(url)).toBe(true);
    const refused = runGit(["ls-remote", "--", url], { failure: "REPOSITORY_UNREACHABLE" });
    await expect(refused).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE", message: expect.not.stringContaining("secret") });
  }
  for (const url of ["https://host/a@b", "git@host:x.git", "ssh://git@host/x", "https://host?q=a@b"]) expect(carriesCredential(url)).toBe(false);
});

test("work under one key runs alone and in order, a failure stops nobody", async () => {
  const log: string[] = [];
  const work = (name: string, fail = false) =>
    withLock("key", async () => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("a wait for the lock ends with its signal, the work is not begun, and those behind go on", async () => {
  const { promise: busy, resolve: end } = Promise.withResolvers<void>();
  const first = withLock("key", () => busy);
  const enough = new AbortController();
  const begun: string[] = [];
  const second = withLock("key", async () => begun.push("second"), enough.signal);
  const third = withLock("key", async () => "third", new AbortController().signal);
  enough.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  await expect(withLock("key", async () => begun.push("too late"), enough.signal)).rejects.toThrow("enough");
  end();
  await first;
  expect(await third).toBe("third");
  expect(begun).toEqual([]);
});
