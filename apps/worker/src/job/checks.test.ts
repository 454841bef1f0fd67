import { describe, expect, it } from "vitest";
import { pathsOutOfScope } from "./checks.ts";

describe("pathsOutOfScope", () => {
  it.each([
    { paths: ["a.js", ".env", ".github/workflows/x.yml", "deep/er/file"], scope: { allow: ["**"], deny: [] }, out: [] },
    { paths: ["src/a.js", "test/a.js", ".slipway.yaml"], scope: { allow: ["src/**"], deny: [] }, out: ["test/a.js", ".slipway.yaml"] },
    { paths: ["src/a.js", "src/.hidden/b", "srcs/a.js"], scope: { allow: ["src"], deny: [] }, out: ["srcs/a.js"] },
    { paths: ["src/a.js", "src/secret/key"], scope: { allow: ["./src/"], deny: ["src/secret"] }, out: ["src/secret/key"] },
    { paths: [".github/workflows/ci.yml", "a.js"], scope: { allow: ["**"], deny: [".github"] }, out: [".github/workflows/ci.yml"] },
    {
      paths: ["package.json", "web/package.json", "web/index.js"],
      scope: { allow: ["**"], deny: ["**/package.json"] },
      out: ["package.json", "web/package.json"],
    },
    { paths: ["a.md", "docs/b.md", "docs/b.txt"], scope: { allow: ["*.md", "docs/*.md"], deny: [] }, out: ["docs/b.txt"] },
    { paths: ["!odd", "with space/é.js", "back\\slash", "br[a]ck/et"], scope: { allow: ["**"], deny: [] }, out: [] },
    { paths: ["line\nbreak"], scope: { allow: ["**"], deny: [] }, out: [] },
    { paths: ["secret/line\nbreak", "secret/.a\n/b"], scope: { allow: ["**"], deny: ["secret/**"] }, out: ["secret/line\nbreak", "secret/.a\n/b"] },
    { paths: ["anything"], scope: { allow: [], deny: [] }, out: ["anything"] },
    { paths: ["src/a.ts", "lib/a.ts", "x/a.ts"], scope: { allow: ["{src,lib}/**"], deny: [] }, out: ["x/a.ts"] },
    { paths: ["a", "b"], scope: { allow: ["!a"], deny: [] }, out: ["a", "b"] },
  ])("$paths within $scope", ({ paths, scope, out }) => {
    expect(pathsOutOfScope(paths, scope)).toEqual(out);
  });
});
