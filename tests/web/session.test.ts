import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { TestBrowser } from "./browser.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let browser: TestBrowser;
beforeAll(async () => {
  server = await TestServer.start();
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a token signs in, and is nowhere in the browser afterwards", async () => {
  const { page, context } = await browser.open(server, "/workers", null);
  await page.getByLabel("Or give a token").fill("slip_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("UNAUTHENTICATED").waitFor();
  await page.getByLabel("Or give a token").fill(server.tokens.viewer);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Workers" }).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  expect(await page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")).not.toContain("slip");
  const cookies = await context.cookies();
  expect(cookies).toHaveLength(1);
  expect(cookies[0]).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  expect(cookies[0]?.value).not.toBe(server.tokens.viewer);
});

test("the address of `slipway open` signs in once, and leaves no code in it", async () => {
  const { code } = await server.client("submitter").call("createSignInCode", { body: {} });
  const { page, complaints } = await browser.open(server, `/jobs#code=${code}`, null);
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  expect(page.url()).toBe(`${server.url}/jobs`);
  await page.getByText("submitter · submitter").waitFor();
  // The question who is there, before anybody was.
  expect(complaints.filter((text) => !text.includes("401"))).toEqual([]);
  const again = await browser.open(server, `/jobs#code=${code}`, null);
  await again.page.getByText("used already").waitFor();
});

test("signing out ends it; a session that ends elsewhere asks to sign in again and goes on where it was", async () => {
  const { token, view } = await server.client("admin").call("createToken", { body: { name: "passing", role: "viewer" } });
  const { page } = await browser.open({ url: server.url, tokens: { ...server.tokens, viewer: token } }, "/repositories", "viewer");
  await page.getByRole("heading", { name: "Repositories" }).waitFor();
  await server.client("admin").call("revokeToken", { params: { token: view.id } });
  await page.getByText("Your session is over.").waitFor();
  await page.getByLabel("Or give a token").fill(server.tokens.admin);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Repositories" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Slipway" }).waitFor();
  await page.reload();
  await page.getByLabel("Or give a token").waitFor();
});

test("a page that is cut off says so, and catches up", async () => {
  const { page } = await browser.open(server, "/", "viewer");
  await page.getByText("Live", { exact: true }).waitFor();
  await server.server.close();
  await page.getByText("The server does not answer since").waitFor();
  // On the same address, as a real one comes back.
  await server.restart({ port: Number(new URL(page.url()).port) });
  await page.getByText("Live", { exact: true }).waitFor();
  expect(await page.getByText("The server does not answer since").count()).toBe(0);
});
