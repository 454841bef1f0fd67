import { expect, test } from "vitest";
import { codexArguments, codexEnvironment, TOKEN_VARIABLE } from "./command-line.ts";
import { codexConfigSchema } from "./config.ts";

const model = { baseUrl: "http://127.0.0.1:40123" };
const own = { codexHome: "/home/agent/.codex", temporary: "/tmp", token: "t" };

test("every setting is on the command line, the token is not, and the prompt comes on standard input", () => {
  const args = codexArguments(codexConfigSchema.parse({ model: 'a "quoted" model', reasoningEffort: "high" }), model, undefined);
  expect(args.slice(0, 2)).toEqual(["exec", "--json"]);
  expect(args.at(-1)).toBe("-");
  expect(args).toEqual(expect.arrayContaining(["--ignore-user-config", "--ignore-rules", "--dangerously-bypass-approvals-and-sandbox"]));
  expect(args).toEqual(
    expect.arrayContaining([
      'model="a \\"quoted\\" model"',
      'model_providers.slipway.base_url="http://127.0.0.1:40123/openai/v1"',
      `model_providers.slipway.env_key="${TOKEN_VARIABLE}"`,
      `shell_environment_policy.exclude=["${TOKEN_VARIABLE}"]`,
      'model_reasoning_effort="high"',
      "features.unbounded_connection_retries=false",
    ]),
  );
});

test("images stand before an option, as Codex takes all up to there for images", () => {
  const images = ["/control/images/1-shot.png", "/control/images/2-button.jpg"];
  const args = codexArguments(codexConfigSchema.parse({ ownSandbox: "workspace-write" }), model, undefined, undefined, images);
  const from = args.indexOf("--image");
  expect(args.slice(from, from + 4)).toEqual(["--image", images[0], "--image", images[1]]);
  expect(args[from + 4]).toMatch(/^-/);
});

test("a thread is resumed by its id; Codex's own sandbox takes the place of none", () => {
  const args = codexArguments(codexConfigSchema.parse({ ownSandbox: "workspace-write" }), model, "01a21fb4-26f8-7db2-9f53-71f53dabe7f0");
  expect(args.slice(-3)).toEqual(["resume", "01a21fb4-26f8-7db2-9f53-71f53dabe7f0", "-"]);
  expect(args).toContain('sandbox_mode="workspace-write"');
  expect(args).not.toContain("--dangerously-bypass-approvals-and-sandbox");
});

test("the environment is the job's, but for what steers Codex", () => {
  const env = codexEnvironment({ PATH: "/bin", CODEX_API_KEY: "planted", CODEX_HOME: "/elsewhere", TMPDIR: "/old" }, own);
  expect(env).toEqual({ PATH: "/bin", CODEX_HOME: "/home/agent/.codex", TMPDIR: "/tmp", [TOKEN_VARIABLE]: "t" });
});

test("a proxy of the job does not get the requests to the gateway", () => {
  expect(codexEnvironment({ https_proxy: "http://proxy:3128", no_proxy: "intern" }, own)).toMatchObject({
    NO_PROXY: "intern,127.0.0.1,localhost",
    no_proxy: "intern,127.0.0.1,localhost",
  });
});
