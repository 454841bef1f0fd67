import { expect, test } from "vitest";
import { addressOf, atPath } from "./address.ts";

test.each([
  ["https://github.com/ship/sea.git", "github.com", "ship/sea", "https://github.com/ship/sea.git"],
  ["https://user:secret@github.com/ship/sea", "github.com", "ship/sea", "https://github.com/ship/sea.git"],
  ["git@github.com:ship/sea.git", "github.com", "ship/sea", "https://github.com/ship/sea.git"],
  ["ssh://git@git.example.org:2222/group/sub/sea.git", "git.example.org", "group/sub/sea", "https://git.example.org/group/sub/sea.git"],
  ["https://git.example.org:8443/ship/sea.git/", "git.example.org:8443", "ship/sea", "https://git.example.org:8443/ship/sea.git"],
  ["http://127.0.0.1:3000/ship/sea.git", "127.0.0.1:3000", "ship/sea", "http://127.0.0.1:3000/ship/sea.git"],
])("%s", (url, host, path, pushUrl) => {
  expect(addressOf(url)).toEqual({ host, path, pushUrl });
});

test.each(["/srv/sea.git", "file:///srv/sea.git", "http://git.example.org/ship/sea.git", "https://github.com/sea", "nonsense", "https://github.com/ship/se a"])(
  "%s gets no token",
  (url) => {
    expect(addressOf(url)).toBeUndefined();
  },
);

test("a renamed repository is at the same host", () => {
  const address = addressOf("https://git.example.org:8443/ship/sea.git");
  expect(address && atPath(address, "ship/ocean")).toEqual({
    host: "git.example.org:8443",
    path: "ship/ocean",
    pushUrl: "https://git.example.org:8443/ship/ocean.git",
  });
});
