import fc from "fast-check";
import { expect, test } from "vitest";
import { membersOf, withMembers } from "./json-members.ts";

test("the members of any object are found, byte for byte", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, "\t"), (value, space) => {
      const json = Buffer.from(JSON.stringify(value, null, space));
      const members = membersOf(json);
      expect(members.map(({ key }) => key)).toEqual(Object.keys(JSON.parse(json.toString())));
      for (const { key, valueStart, valueEnd } of members) {
        expect(JSON.parse(json.toString("utf8", valueStart, valueEnd))).toEqual(JSON.parse(json.toString())[key]);
      }
      expect(JSON.parse(withMembers(json, members, new Map()).toString())).toEqual(JSON.parse(json.toString()));
    }),
  );
});

test("a change leaves the bytes of the other members alone", () => {
  const json = Buffer.from('{ "seed": 12345678901234567890,\n "tools" : [1, 2] , "n":1.0, "x":"\\u00e9\\"," }\n');
  const changes = new Map<string, string | null>([
    ["tools", "[]"],
    ["x", null],
    ["extra", '{"a":1}'],
  ]);
  expect(withMembers(json, membersOf(json), changes).toString()).toBe('{"seed": 12345678901234567890,"tools" : [],"n":1.0,"extra":{"a":1}}');
  expect(withMembers(Buffer.from('{"a":1}'), membersOf(Buffer.from('{"a":1}')), new Map([["a", null]])).toString()).toBe("{}");
});

test.each(['{"a":1,"a":2}', '{"b":[{"a":1,"\\u0061":2}]}', '{"a":{"x":1},"b":{"x":1,"y":2,"x":3}}'])("a key that stands twice is refused: %s", (text) => {
  expect(() => membersOf(Buffer.from(text))).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
});

test("equal keys of different objects, and strings that look like keys, are none", () => {
  expect(membersOf(Buffer.from('{"a":{"a":1},"b":["a","a",{"a":"b\\\\"}],"c":"a\\":1,\\"a"}')).map(({ key }) => key)).toEqual(["a", "b", "c"]);
});

test("nesting without end is refused", () => {
  expect(() => membersOf(Buffer.from(`{"a":${"[".repeat(500)}${"]".repeat(500)}}`))).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
});
