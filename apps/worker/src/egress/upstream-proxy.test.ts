import { expect, test } from "vitest";
import { upstreamProxyFor } from "./upstream-proxy.ts";

test("the proxy is the one that HTTPS_PROXY names, in whatever way addresses of proxies are written", () => {
  const of = (value: string): unknown => upstreamProxyFor("example.com", { HTTPS_PROXY: value });
  expect(of("http://proxy.corp:3128")).toEqual({ host: "proxy.corp", port: 3128, isTls: false, authorization: undefined });
  expect(of("proxy.corp:3128/")).toMatchObject({ host: "proxy.corp", port: 3128 });
  expect(of("https://proxy.corp")).toMatchObject({ host: "proxy.corp", port: 443, isTls: true });
  expect(of("http://[::1]:3128")).toMatchObject({ host: "::1", port: 3128 });
  const basic = (login: string): string => `Basic ${Buffer.from(login).toString("base64")}`;
  expect(of("http://me:p%40ss%3A%2f@proxy.corp:3128")).toMatchObject({ host: "proxy.corp", authorization: basic("me:p@ss:/") });
  expect(of("http://me:100%@proxy.corp")).toMatchObject({ authorization: basic("me:100%") });
});

test("which of the variables counts", () => {
  const host = (env: NodeJS.ProcessEnv): string | undefined => upstreamProxyFor("example.com", env)?.host;
  expect(host({ HTTP_PROXY: "http://plain" })).toBeUndefined();
  expect(host({ ALL_PROXY: "http://all" })).toBe("all");
  expect(host({ ALL_PROXY: "http://all", HTTPS_PROXY: "http://upper" })).toBe("upper");
  expect(host({ https_proxy: "http://lower", HTTPS_PROXY: "http://upper" })).toBe("lower");
  expect(host({ https_proxy: "", HTTPS_PROXY: "" })).toBeUndefined();
});

test.each([
  ["example.com", "example.com", true],
  ["EXAMPLE.com.", "example.COM", true],
  ["a.example.com", "example.com", true],
  ["a.example.com", ".example.com", true],
  ["a.example.com", "*.example.com", true],
  ["badexample.com", "example.com", false],
  ["example.com", "a.example.com", false],
  ["example.com", "other.org, example.com:8443", true],
  ["example.com", "other.org example.com", true],
  ["example.com", "*", true],
  ["example.com", "", false],
  ["10.1.2.3", "10.0.0.0/8", true],
  ["11.1.2.3", "10.0.0.0/8", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "2.3,10.0.0.0/99,fd00::/8", false],
  ["fd00::5", "fd00::/8", true],
])("%s under NO_PROXY=%j: excepted %s", (host, noProxy, isExcepted) => {
  expect(upstreamProxyFor(host, { HTTPS_PROXY: "http://proxy", NO_PROXY: noProxy }) === undefined).toBe(isExcepted);
});

test.each(["socks5://me:secret@proxy:1080", "http://", "http://me:secret@:80"])("%s cannot be used, and nothing of it is told", (value) => {
  let error: unknown;
  try {
    upstreamProxyFor("example.com", { HTTPS_PROXY: value });
  } catch (reason) {
    error = reason;
  }
  expect(error).toMatchObject({ code: "INVALID_CONFIG", details: { field: "HTTPS_PROXY" } });
  expect(JSON.stringify(error)).not.toContain("secret");
});
