import { readFile } from "node:fs/promises";
import { join } from "node:path";
import statics from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";

/**
 * Nothing but what this server itself serves: no script, style or picture from elsewhere, none in the page, no frame around it. Text of jobs that found a way
 * into the page as HTML could still do nothing.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
};

/** Names of files that carry a digest of what is in them. */
const ASSETS = "/assets/";

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Slipway</title>
<h1>The dashboard is not built</h1>
<p>Run <code>npm run build</code> in the checkout that this server runs from, and load this page again. The API and the command line work without it.</p></html>`;

/**
 * The dashboard: the built files, and its page for every other address that a browser opens, as the page finds by itself what the address shows. Everything
 * under `/v1` and `/git` stays the API's own, whatever is not there included.
 */
export async function addDashboard(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(statics, { root: folder, serve: false, cacheControl: false });
  const page = async (reply: FastifyReply): Promise<FastifyReply> => {
    const html = await readFile(join(folder, "index.html"), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return await reply
      .status(html === undefined ? 503 : 200)
      .headers({ ...HEADERS, "cache-control": "no-cache" })
      .type("text/html; charset=utf-8")
      .serializer((text: string) => text)
      .send(html ?? NOT_BUILT);
  };
  app.get(`${ASSETS}*`, { schema: { hide: true } }, async (request, reply) => {
    reply.headers({ ...HEADERS, "cache-control": "public, max-age=31536000, immutable" });
    return await reply.sendFile(request.url.split("?")[0] ?? "");
  });
  app.get("/favicon.svg", { schema: { hide: true } }, async (_request, reply) => {
    reply.headers({ ...HEADERS, "cache-control": "public, max-age=3600" });
    return await reply.sendFile("favicon.svg");
  });
  app.get("/", { schema: { hide: true } }, async (_request, reply) => await page(reply));
  // Not a wildcard: what is missing under /v1 and /git stays the API's answer.
  for (const path of PAGES) {
    app.get(path, { schema: { hide: true } }, async (_request, reply) => await page(reply));
    app.get(`${path}/*`, { schema: { hide: true } }, async (_request, reply) => await page(reply));
  }
}

/** First parts of the addresses of the dashboard's pages. */
export const PAGES = ["/sign-in", "/jobs", "/new", "/repositories", "/workers", "/backends", "/settings", "/audit"];
