#!/usr/bin/env node
// A stand-in for the agent's own program: takes a task on standard input, works in the current folder, and tells what it does in JSON, a line an event.
// The first word of the task says what to do: `write FILE: TEXT`, `wait` (for ever), `fail: MESSAGE`; anything else is noted in NOTES.md.
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { session: { type: "string" }, resume: { type: "string" }, version: { type: "boolean" } } });
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
if (values.version) {
  process.stdout.write("tiny-agent 1.0.0\n");
  process.exit();
}

const task = readFileSync(0, "utf8");
const before = values.session && existsSync(values.session) ? JSON.parse(readFileSync(values.session, "utf8")) : undefined;
if (values.resume !== undefined && before?.id !== values.resume) {
  tell({ type: "error", message: `there is no session ${values.resume}` });
  process.exit(1);
}
const session = values.resume === undefined ? { id: randomUUID(), tasks: [] } : before;
session.tasks.push(task);
if (values.session) writeFileSync(values.session, JSON.stringify(session));
tell({ type: "session", id: session.id });
tell({ type: "message", text: `Task ${session.tasks.length} of our conversation.` });

const [, verb = "", rest = ""] = /^(write|wait|fail):?\s*([\s\S]*)$/.exec(task) ?? [];
if (verb === "wait") setInterval(() => {}, 1_000);
else if (verb === "fail") {
  tell({ type: "error", message: rest });
  process.exit(1);
} else {
  const [, path = "NOTES.md", text = task] = verb === "write" ? (/^(\S+):\s*([\s\S]*)$/.exec(rest) ?? []) : [];
  tell({ type: "tool_call", id: "1", name: "write", input: { path } });
  appendFileSync(path, `${text}\n`);
  tell({ type: "tool_result", id: "1", output: `${path} written`, error: false });
  tell({ type: "usage", input: task.length, output: text.length });
  tell({ type: "done", text: `Wrote ${path}.` });
}
