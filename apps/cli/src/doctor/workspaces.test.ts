import { expect, test } from "vitest";
import { checkWorkspaces } from "./workspaces.ts";

test("each worker's way is told, also by one that does not tell its own, and none is wrong", () => {
  const workers = [
    { name: "big", capabilities: ["backend:script", "workspaces:overlay"] },
    { name: "old", capabilities: [] },
  ];
  expect(checkWorkspaces(workers)).toMatchObject({ ok: true, required: false, found: "big: overlay; old: does not tell" });
});
