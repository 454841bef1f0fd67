import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

const good = (): string[] => ["serve", "--data", "/data", "--socket", "/run/g.sock", "--url", "http://127.0.0.1:1", "--token-file", "/data/token"];

test("the flags of the contract", async () => {
  const options = readOptions(good());
  expect(options).toMatchObject({ command: "serve", data: "/data", socket: "/run/g.sock", tokenFile: "/data/token" });
  if (options.command === "serve") expect(await options.url(new AbortController().signal)).toBe("http://127.0.0.1:1");
  expect(readOptions(["check", "--data", "/data"])).toEqual({ command: "check", data: "/data" });
});

test.each([
  ["the command is missing", () => good().slice(1)],
  ["serv: no such command", () => ["serv", ...good().slice(1)]],
  ["check: one command is enough", () => [...good(), "check"]],
  ["--data is missing", () => ["check"]],
  ["--socket is missing", () => good().toSpliced(3, 2)],
  ["a socket's path may have 107", () => good().with(4, `/${"x".repeat(107)}`)],
  ["--url: nowhere is no URL", () => good().with(6, "nowhere")],
  ["--token-file is missing", () => good().slice(0, 7)],
  ["--colour", () => [...good(), "--colour"]],
])("a wrong flag is named: %s", (message, args) => {
  expect(() => readOptions(args())).toThrow(expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining(message) }));
});
