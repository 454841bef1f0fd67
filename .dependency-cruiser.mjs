/** The direction between the parts, as ARCHITECTURE.md tells it. Each rule says why it stands. */

const part = (name) => `^${name}/src/`;

function only(name, comment, from, path) {
  return { name, comment, severity: "error", from, to: { path } };
}

export default {
  forbidden: [
    only(
      "protocol-knows-nobody",
      "Every part speaks the protocol, so a dependency of the protocol would be a dependency of everything.",
      { path: part("packages/protocol") },
      "^(apps|backends|packages/(?!protocol))/",
    ),
    only(
      "git-knows-the-protocol-only",
      "Git code is shared by daemons of different trust; it must not reach into any of them.",
      { path: part("packages/git") },
      "^(apps|backends|packages/(?!git|protocol))/",
    ),
    only(
      "process-knows-the-protocol-only",
      "What every daemon starts with must not reach into any of them.",
      { path: part("packages/process") },
      "^(apps|backends|packages/(?!process|protocol))/",
    ),
    only(
      "prompts-know-the-protocol-only",
      "What an agent is asked follows from the job and its repository; the command line shows it without a worker.",
      { path: part("packages/prompts") },
      "^(apps|backends|packages/(?!prompts|protocol))/",
    ),
    only(
      "forge-knows-the-protocol-only",
      "What talks to git hosts holds their credentials; nothing of a daemon is in it.",
      { path: part("packages/forge") },
      "^(apps|backends|packages/(?!forge|protocol))/",
    ),
    only(
      "forge-is-for-the-server",
      "The server alone holds the credentials of git hosts.",
      { path: "^(apps/(?!server/)|backends|packages/(?!forge/))" },
      "^packages/forge/",
    ),
    only(
      "only-forge-asks-git-hosts",
      "Their libraries have one way out, which masks what they say.",
      { path: "^(apps|backends|packages/(?!forge/))" },
      "node_modules/(@octokit|@gitbeaker)/",
    ),
    only(
      "redact-knows-nobody",
      "What masks secrets sees all of them: nothing else may come with it.",
      { path: part("packages/redact") },
      "^(apps|backends|packages/(?!redact))/",
    ),
    only(
      "redact-is-for-runner-worker-and-gateway",
      "Secrets pass through these alone; another part that had to mask them would have got what it must never hold.",
      { path: "^(apps/(?!runner/|worker/|gateway/)|backends|packages/(?!redact/))" },
      "^packages/redact/",
    ),
    only(
      "images-know-protocol-and-process-only",
      "What is in an image follows from the checkout and from manifests; nothing of a daemon is in it.",
      { path: part("packages/images") },
      "^(apps|backends|packages/(?!images|process|protocol))/",
    ),
    only(
      "images-are-for-cli-and-worker",
      "The command line makes images and the worker runs them; whoever else reached the engine through this would be as good as root.",
      { path: "^(apps/(?!cli/|worker/)|backends|packages/(?!images/))" },
      "^packages/images/",
    ),
    only(
      "only-images-and-the-worker-touch-the-engine",
      "Whoever talks to a container engine is as good as root on its machine: two places to look at, one for images and one for sandboxes.",
      { path: "^(apps/(?!worker/)|backends|packages/(?!images/))" },
      "node_modules/dockerode/",
    ),
    only(
      "backends-know-the-sdk-only",
      "A backend is a plugin: what it may use is the contract, or the next backend's author could not write one.",
      { path: "^backends/(?!sdk/)([^/]+)/src/" },
      "^(apps|packages/(?!protocol)|backends/(?!sdk|$1))/",
    ),
    only(
      "sdk-knows-the-protocol-only",
      "The contract for backends must not drag a daemon in.",
      { path: part("backends/sdk") },
      "^(apps|packages/(?!protocol)|backends/(?!sdk))/",
    ),
    only(
      "only-the-runner-loads-backends",
      "Backends run an agent's code; they may only be loaded inside the sandbox. Everyone else reads their manifest.",
      { path: "^(apps/(?!runner/)|packages/)", pathNot: "^apps/runner/" },
      "^backends/",
    ),
    only(
      "nobody-imports-the-server",
      "The server is reached over its API, or a worker could not run on another machine.",
      { path: "^(apps/(?!server/)|packages|backends)" },
      "^apps/server/",
    ),
    only(
      "web-knows-the-protocol-only",
      "What runs in a browser reaches everything over the API, as any other client does.",
      { path: part("apps/web") },
      "^(apps/(?!web/)|backends|packages/(?!protocol/))",
    ),
    only(
      "nobody-imports-the-web",
      "The server serves its built files, and knows nothing else of it.",
      { path: "^(apps/(?!web/)|packages|backends)" },
      "^apps/web/",
    ),
    only("nobody-imports-the-worker", "The worker is its own process with its own trust.", { path: "^(apps/(?!worker/)|packages|backends)" }, "^apps/worker/"),
    only(
      "nobody-imports-the-runner",
      "The runner lives inside the sandbox; a daemon that imports it would run what the sandbox is for.",
      { path: "^(apps/(?!runner/)|packages|backends)" },
      "^apps/runner/",
    ),
    only("nobody-imports-the-integrator", "The integrator is its own process.", { path: "^(apps/(?!integrator/)|packages|backends)" }, "^apps/integrator/"),
    only(
      "nobody-imports-the-gateway",
      "The gateway holds the models' keys: in any other process they would be in more hands.",
      { path: "^(apps/(?!gateway/)|packages|backends)" },
      "^apps/gateway/",
    ),
    only(
      "gateway-knows-protocol-process-and-redact-only",
      "What holds the keys must be small enough to read; it has nothing to do with git or with what agents do.",
      { path: "^apps/gateway/" },
      "^(backends|packages/(?!protocol|process|redact))/",
    ),
    only(
      "only-the-gateway-asks-models",
      "One part counts and bounds what goes to the vendors; a second way out would be neither.",
      { path: "^(apps/(?!gateway/)|packages|backends)" },
      "node_modules/undici/",
    ),
    only(
      "only-a-critic-asks-by-the-ai-sdk",
      "Its clients are loaded where a job has a critic that is a model, and go over the gateway's socket alone.",
      { path: "^(apps/(?!worker/src/critic/model-critic\\.ts)|packages|backends)" },
      "node_modules/(ai|@ai-sdk)/",
    ),
    only("nobody-imports-the-cli", "The command line is a client like any other.", { path: "^(apps/(?!cli/)|packages|backends)" }, "^apps/cli/"),
    only(
      "git-is-for-server-worker-integrator-cli",
      "The runner works for the agent: git for the daemons is not its business.",
      { path: "^(apps/runner|backends)/" },
      "^packages/git/",
    ),
    only(
      "process-is-for-server-worker-integrator-cli",
      "The runner has no folder of its own to lock, and no parent but the sandbox; it needs the list of processes, to end them.",
      { path: "^(apps/runner|backends)/" },
      "^packages/process/(?!src/process-table)",
    ),
    only(
      "only-the-server-touches-the-database",
      "Leases and fences hold because one part alone writes the rows.",
      { path: "^(apps/(?!server/)|packages|backends)" },
      "node_modules/(better-sqlite3|kysely|pg)/",
    ),
    only(
      "only-packages-git-runs-git",
      "Every call of git has the same quarantine: one place to get it right.",
      { path: "^(apps|backends|packages/(?!git/))" },
      "node_modules/simple-git/",
    ),
    {
      name: "no-cycles",
      comment: "A cycle means that two files are one thing, or that the direction is wrong.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-unresolved",
      comment: "An import that resolves to nothing fails at run time, in front of a user.",
      severity: "error",
      from: {},
      // What the build of the dashboard makes by itself has no file.
      to: { couldNotResolve: true, pathNot: "^virtual:" },
    },
    {
      name: "source-does-not-import-tests",
      comment: "What ships must work without the tests.",
      severity: "error",
      from: { path: "^(apps|packages|backends)/", pathNot: "\\.test\\.ts$" },
      to: { path: "^tests/|\\.test\\.ts$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^apps/web/dist/|node_modules/(?!(better-sqlite3|dockerode|kysely|pg|simple-git|undici)/)" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node"], extensions: [".ts", ".tsx", ".js", ".json"] },
  },
};
