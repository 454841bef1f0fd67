import { CHECK_NAMES } from "@slipway/protocol/checks";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Judge, mostImportantFirst } from "./finding-order.ts";

const check = (name: string): Judge => ({ by: "check", name });

test("what could do harm comes first, then what does not work, the tests, what is too much, and style", () => {
  const found: Judge[] = ["whitespace", "size", "tests", "conflicts", "guarded", "scope", "secrets"].map(check);
  const all: Judge[] = [...found, { by: "gate" }, { by: "critic", severity: "proof" }];
  const ordered = mostImportantFirst(all, (judge) => judge);
  expect(ordered.map((judge) => (judge.by === "check" ? judge.name : judge.by))).toEqual([
    ...["guarded", "scope", "secrets"],
    ...["conflicts", "gate"],
    ...["tests", "critic"],
    "size",
    "whitespace",
  ]);
});

test("every finding is kept, equal ones stay in their order, and ordering twice changes nothing", () => {
  const judge = fc.oneof(fc.constantFrom<Judge>({ by: "gate" }, check("scope")), fc.constantFrom(...CHECK_NAMES).map(check));
  fc.assert(
    fc.property(fc.array(judge), (judges) => {
      const numbered = judges.map((of, index) => ({ of, index }));
      const ordered = mostImportantFirst(numbered, ({ of }) => of);
      expect(ordered.toSorted((a, b) => a.index - b.index)).toEqual(numbered);
      expect(mostImportantFirst(ordered, ({ of }) => of)).toEqual(ordered);
      for (const name of CHECK_NAMES) {
        const places = ordered.filter(({ of }) => of.by === "check" && of.name === name).map(({ index }) => index);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    }),
  );
});
