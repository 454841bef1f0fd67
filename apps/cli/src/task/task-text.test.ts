import { describe, expect, test } from "vitest";
import { readTask, taskSource } from "./read-task.ts";
import { checkedTask, decodeText, EDITOR_TEMPLATE, withoutComments } from "./task-text.ts";

const utf16 = (text: string): Buffer => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);

test.each([
  ["plain", Buffer.from("Mend the test.\n"), "Mend the test."],
  ["Windows line ends and a mark", Buffer.from("\ufeff\r\n# One\r\n\r\n  two\r\n\r\n"), "# One\n\n  two"],
  ["UTF-16, as PowerShell writes it", utf16("Größe\r\nmessen\r\n"), "Größe\nmessen"],
  ["UTF-16 the other way round", utf16("Größe").swap16(), "Größe"],
  ["old line ends, and a first line that is indented", Buffer.from("  \n  - one\r  - two"), "  - one\n  - two"],
])("a text is taken as it was meant: %s", (_, bytes, task) => {
  expect(checkedTask(decodeText(bytes, "x"))).toBe(task);
});

describe("what is no task is refused", () => {
  test.each([
    ["", "The task is empty"],
    [" \r\n\t\n", "The task is empty"],
    ["a\0b", "NUL byte"],
  ])("%j", (text, words) => {
    expect(() => checkedTask(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining(words) }));
  });

  test("bytes that are no UTF-8", () => {
    const refused = expect.objectContaining({ code: "INVALID_REQUEST", message: "The task of task.md is no UTF-8 text." });
    expect(() => decodeText(Uint8Array.of(0x66, 0xfc, 0x72), "task.md")).toThrow(refused);
  });

  test("a text over the limit, which is told with its length; one that has it just fits", () => {
    const message = "The task has 100001 characters; 100000 characters are the most. Nothing was submitted.";
    expect(() => checkedTask("x".repeat(100_001))).toThrow(expect.objectContaining({ code: "PAYLOAD_TOO_LARGE", message }));
    expect(checkedTask(`${"x".repeat(100_000)}\n`)).toHaveLength(100_000);
  });

  test.each([
    ["/dev/zero", { code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining("more than 400000 bytes") }],
    ["/nowhere.md", { code: "INVALID_REQUEST", message: expect.stringContaining("The file /nowhere.md of --task-file cannot be read: ENOENT") }],
    ["/", { code: "INVALID_REQUEST", message: expect.stringContaining("EISDIR") }],
  ])("the file %s", async (path, error) => {
    await expect(readTask({ kind: "file", path })).rejects.toMatchObject(error);
  });
});

test("the source is what was given; two are one too many", () => {
  expect(taskSource("x", {})).toEqual({ kind: "argument", text: "x" });
  expect([taskSource("-", {}), taskSource(undefined, { taskFile: "-" })]).toEqual([{ kind: "stdin" }, { kind: "stdin" }]);
  expect(taskSource(undefined, { taskFile: "a.md" })).toEqual({ kind: "file", path: "a.md" });
  expect(() => taskSource("x", { taskFile: "a.md" })).toThrow("A task was given twice");
});

test("the template is no task by itself, and its lines are left out of one; headings stay", () => {
  expect(withoutComments(EDITOR_TEMPLATE).trim()).toBe("");
  expect(checkedTask(withoutComments(`# Heading\nSay hello.${EDITOR_TEMPLATE}`))).toBe("# Heading\nSay hello.");
});
