import { expect, test } from "vitest";
import { headersToAgent, headersToVendor, tokenOf } from "./headers.ts";

test("the key takes the place of the token, and nothing says where the request comes from", () => {
  const headers = {
    host: "127.0.0.1:4000",
    connection: "keep-alive, x-hop",
    "x-hop": "1",
    authorization: "Bearer attempt",
    "x-api-key": "attempt",
    cookie: "a=b",
    "x-forwarded-for": "1.2.3.4",
    "proxy-authorization": "Basic x",
    "openai-organization": "org",
    "accept-encoding": "gzip",
    "content-length": "3",
    "content-type": "application/json",
    accept: "text/event-stream",
    "user-agent": "codex",
    "openai-beta": "responses=v1",
  };
  expect(headersToVendor(headers, { authorization: "Bearer real" })).toEqual({
    "content-type": "application/json",
    accept: "text/event-stream",
    "user-agent": "codex",
    "openai-beta": "responses=v1",
    "accept-encoding": "identity",
    authorization: "Bearer real",
  });
  expect(headersToVendor(headers, {})).not.toHaveProperty("authorization");
});

test("of the answer's headers those pass that an agent can use", () => {
  const headers = {
    "content-type": "text/event-stream",
    "retry-after": "3",
    "x-request-id": "r",
    "x-ratelimit-remaining-tokens": "9",
    "openai-model": "m",
    "anthropic-ratelimit-tokens-remaining": "0",
    "request-id": "req_1",
    "openai-echo": "Bearer real",
    "set-cookie": ["a=b"],
    connection: "close",
    location: "http://elsewhere",
    server: "x",
  };
  expect(headersToAgent(headers, "real")).toEqual({
    "content-type": "text/event-stream",
    "retry-after": "3",
    "x-request-id": "r",
    "x-ratelimit-remaining-tokens": "9",
    "openai-model": "m",
    "anthropic-ratelimit-tokens-remaining": "0",
    "request-id": "req_1",
  });
});

test("a token comes as a bearer, or as x-api-key", () => {
  expect(tokenOf({ authorization: "Bearer abc" })).toBe("abc");
  expect(tokenOf({ authorization: "bearer abc" })).toBe("abc");
  expect(tokenOf({ "x-api-key": "abc" })).toBe("abc");
  for (const headers of [{}, { authorization: "abc" }, { authorization: "Bearer " }, { authorization: `Bearer ${"x".repeat(201)}` }, { "x-api-key": "" }]) {
    expect(tokenOf(headers)).toBeNull();
  }
});
