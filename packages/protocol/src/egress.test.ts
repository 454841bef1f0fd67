import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowsHost, hostPatternSchema } from "./egress.ts";

describe("host patterns", () => {
  test.each(["registry.npmjs.org", "*.example.com", "host:8443", "*.a.b:1", "127.0.0.1:80", "my_registry", "x"])("`%s` is one", (pattern) => {
    expect(hostPatternSchema.parse(pattern)).toBe(pattern);
  });

  test.each([
    ["", "expected a host"],
    ["*", "expected a host"],
    ["https://registry.npmjs.org", "expected a host"],
    ["a.*.com", "expected a host"],
    ["*.*.com", "expected a host"],
    ["a..b", "expected a host"],
    ["-a.com", "expected a host"],
    ["host:0", "expected a host"],
    ["host:65536", "expected a port from 1 to 65535"],
    ["user@host", "expected a host"],
  ])("`%s` is none", (pattern, message) => {
    expect(hostPatternSchema.safeParse(pattern).error?.issues[0]?.message).toContain(message);
  });

  test.each([
    [["registry.npmjs.org"], "registry.npmjs.org", 443, true],
    [["Registry.NPMjs.org"], "registry.npmjs.ORG.", 443, true],
    [["registry.npmjs.org"], "registry.npmjs.org", 80, false],
    [["registry.npmjs.org"], "evil-registry.npmjs.org", 443, false],
    [["registry.npmjs.org"], "registry.npmjs.org.evil.com", 443, false],
    [["*.example.com"], "a.example.com", 443, true],
    [["*.example.com"], "a.b.example.com", 443, true],
    [["*.example.com"], "example.com", 443, false],
    [["*.example.com"], ".example.com", 443, false],
    [["*.example.com"], "aexample.com", 443, false],
    [["host:8443"], "host", 8_443, true],
    [["host:8443"], "host", 443, false],
    [["a", "b"], "b", 443, true],
    [[], "a", 443, false],
  ])("%j with %s:%i: %j", (patterns, host, port, allowed) => {
    expect(allowsHost(patterns, host, port)).toBe(allowed);
  });

  test("a pattern without a star means exactly its own name", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    fc.assert(
      fc.property(name, name, (pattern, host) => {
        expect(allowsHost([pattern], host, 443)).toBe(pattern === host);
      }),
    );
  });
});
