import { join } from "node:path";
import { serveGit } from "@slipway/git/http-backend";
import { HUB_PATH } from "@slipway/protocol/endpoints";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { idSchema } from "@slipway/protocol/scalars";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ControlPlane } from "../control-plane.ts";
import { basicPassword } from "../http/auth.ts";
import { type HubStore, hubGrant } from "./hub-credentials.ts";
import { completeHub, hubRoot } from "./hub-folder.ts";

/** The largest pack that one push may bring, in bytes. */
const PACK_LIMIT_BYTES = 2_147_483_648;

const paramsSchema = z.object({
  repo: idSchema,
  store: z.enum(["upstream.git", "jobs.git"]),
  // Smart HTTP only: nothing else of the folder is served.
  "*": z.enum(["info/refs", "git-upload-pack", "git-receive-pack"]),
});
const querySchema = z.object({ service: z.enum(["git-upload-pack", "git-receive-pack"]).optional() });

/** Git's smart HTTP of the two stores of each repository. The bodies are git's: nothing here reads them. */
export function addHubRoutes(app: FastifyInstance, plane: ControlPlane): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.route({
    method: ["GET", "POST"],
    url: `${HUB_PATH}/:repo/:store/*`,
    schema: { hide: true, params: paramsSchema, querystring: querySchema },
    bodyLimit: PACK_LIMIT_BYTES,
    handler: async (request, reply) => await serve(plane, request, reply),
  });
}

async function serve(plane: ControlPlane, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { repo, store, "*": path } = request.params as z.infer<typeof paramsSchema>;
  const service = path === "info/refs" ? (request.query as z.infer<typeof querySchema>).service : path;
  if (service === undefined) throw new SlipwayError("NOT_FOUND", "The hub speaks git's smart HTTP protocol only.");
  const grant = await authorize(plane, request, reply, {
    repoId: repo,
    store: store === "upstream.git" ? "upstream" : "jobs",
    write: service === "git-receive-pack",
  });
  await completeHub(plane, repo);
  reply.hijack();
  try {
    await serveGit(request.raw, reply.raw, {
      repositoryPath: join(hubRoot(plane.folder, repo), store),
      pathInfo: `/${path}`,
      services: [service],
      remoteUser: grant.user,
      allowedPushRef: service === "git-receive-pack" ? grant.push : null,
      allowedPushBelow: service === "git-receive-pack" ? grant.pushBelow : undefined,
      hooksDir: plane.folder.hubHooks,
      maxPackBytes: PACK_LIMIT_BYTES,
    });
  } catch (error) {
    answerRaw(request, reply, error);
  }
  return reply;
}

/** The answer is git's to write, so an error before its first byte is written by hand, and one after it breaks the connection. */
function answerRaw(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const known = toSlipwayError(error);
  if (known.status >= 500) request.log.error({ err: error, url: request.url }, "the hub failed");
  if (reply.raw.headersSent) reply.raw.destroy();
  else reply.raw.writeHead(known.status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(known.toJSON()));
}

/** Git asks without a password first; the header makes it ask its credentials and come again. */
async function authorize(plane: ControlPlane, request: FastifyRequest, reply: FastifyReply, at: { repoId: string; store: HubStore; write: boolean }) {
  const password = basicPassword(request);
  try {
    if (password === undefined) throw new SlipwayError("UNAUTHENTICATED", "The hub needs a credential, as the password of HTTP Basic.");
    return await hubGrant(plane, password, at);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "UNAUTHENTICATED") reply.header("www-authenticate", 'Basic realm="Slipway hub", charset="UTF-8"');
    throw error;
  }
}
