import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withArguments } from "./dockerfile.ts";

const ROOT = join(import.meta.dirname, "../../../..");

test("arguments get defaults, wherever they stand, and nothing else is touched", () => {
  const text = 'ARG BASE\nFROM $BASE\nARG BASE=old\nARG BASEMENT=x\nRUN echo "ARG BASE"\n';
  const line = 'ARG BASE="a\\"\\$b\\\\"';
  expect(withArguments(text, { BASE: 'a"$b\\' })).toBe(`${line}\nFROM $BASE\n${line}\nARG BASEMENT=x\nRUN echo "ARG BASE"\n`);
  expect(() => withArguments(text, { NOTHING: "" })).toThrow("ARG NOTHING");
});

test("the public base image has the Node that everything is tested with", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { devDependencies: { node: string } };
  expect(readFileSync(join(ROOT, "docker/base/Dockerfile"), "utf8")).toContain(`\nARG BASE_IMAGE=node:${devDependencies.node}-trixie-slim\n`);
});
