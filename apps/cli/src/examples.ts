import type { Command } from "commander";

/** Lines to type for each command, by its words; shown by its `--help` and on the page of all commands. A new command has a row here. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  demo: ["slipway demo", "slipway demo --sandbox none"],
  init: ["slipway init", "slipway init --yes"],
  run: [
    'slipway run "Mend the failing test"',
    'slipway run "Mend the failing test" --backend codex --budget-usd 5 --into main',
    'slipway run "Say hello" --backend-config script=@steps.yaml',
    'slipway run "Make the start page look like this" --image shot.png --backend codex',
    'slipway run --kind fix --log test.log "Mend what fails"',
    'slipway run "Mend the failing test" --landing pr --ticket SEA-7',
    "slipway run --kind review --diff main..feature",
    'slipway run "Draw the logo as SVG" --backend auto --needs images --fallback codex',
    'slipway run "Log in with a passkey" --criterion "Passwords still work" --criterion "There is a test for each"',
  ],
  up: ["slipway up", "slipway up --slots 8 --port 0"],
  open: ["slipway open", "slipway open 12", "slipway open --print"],
  down: ["slipway down", "slipway down --json"],
  "backends list": ["slipway backends", "slipway backends --json"],
  "backends install": ["slipway backends install codex"],
  "backends reset": ["slipway backends reset codex"],
  "backends new": ["slipway backends new my-agent", "slipway backends new my-agent --folder ~/src/my-agent"],
  doctor: ["slipway doctor", "slipway doctor --json"],
  "pr sync": ["slipway pr sync 12"],
  "pr close": ["slipway pr close 12"],
  submit: ['slipway submit "Update the dependencies" --lane background --after 2h', 'slipway submit "Write the release notes" --depends-on 12'],
  jobs: [
    "slipway jobs",
    "slipway jobs --here --state failed blocked",
    "slipway jobs --backend codex --all --json",
    "slipway jobs --kind review",
    "slipway jobs --search login --code GATES_FAILED --since 1d",
  ],
  top: ["slipway top", "slipway top | cat", "slipway top --json"],
  show: [
    "slipway show 12",
    "slipway show 12 --scorecard",
    "slipway show 12 --artifact setup.log",
    "slipway show 12 --image 1 >shot.png",
    "slipway show 12 --statement >statement.json",
  ],
  logs: ["slipway logs 12", "slipway logs -f 12 --gate test", "slipway logs 12 --errors", "slipway logs 12 --grep 'error|warn' --tail 20 --since 10m"],
  fetch: ["slipway fetch 12", "slipway fetch 12 --into review", "slipway fetch 12 --notes"],
  diff: ["slipway diff 12", "slipway diff 12 | git apply --check", "slipway diff 12 --change 2 --since 1"],
  accept: ["slipway accept 12", 'slipway accept 12 --yes --reason "The red test is of the old API"'],
  artifacts: ["slipway artifacts 12", "slipway artifacts 12 transcript.md", "slipway artifacts 12 --all evidence"],
  blame: ["slipway blame src/start.ts:12", "slipway blame src/start.ts:12-20 --json"],
  steer: ['slipway steer 12 "Leave the public API as it is"'],
  revise: ['slipway revise 12 "Smaller functions"', 'slipway revise 12 --comment "src/a.ts:12-14:Say why" --comment "README.md:Name the new flag"'],
  cancel: ['slipway cancel 12 --reason "no longer needed"'],
  retry: ["slipway retry 12"],
  replay: ["slipway replay 12", "slipway replay 12 --attempt 1"],
  explain: ["slipway explain 12"],
  "prompts list": ["slipway prompts", "slipway prompts --json"],
  "prompts show": ["slipway prompts show fix task"],
  "prompts preview": ['slipway prompts preview "Mend the sum"', 'slipway prompts preview --kind research "Why is the start slow?"'],
  "repos list": ["slipway repos", "slipway repos --json"],
  "repos add": ["slipway repos add ship https://git.example.org/ship.git --default-branch trunk"],
  "repos show": ["slipway repos show ship"],
  "repos set": [
    "slipway repos set ship --max-running 4",
    "slipway repos set ship --day-budget-usd 20",
    "slipway repos set ship --credential GITHUB_TOKEN --push landed --sync-every 5m",
  ],
  "repos sync": ["slipway repos sync ship"],
  "repos resolve": ["slipway repos resolve ship --branch main --take upstream"],
  "gates list": ["slipway gates", "slipway gates --repo ship --json"],
  "gates clear": ["slipway gates clear ship test", "slipway gates clear ship test --failure 4cbd1df6f51e"],
  "train show": ["slipway train show ship", "slipway train show ship --target main --json"],
  "train freeze": ['slipway train freeze ship --target main --reason "release day"'],
  "train resume": ["slipway train resume ship --target main"],
  "workers list": ["slipway workers", "slipway workers --state connected --backend codex"],
  "workers drain": ["slipway workers drain anvil", "slipway workers drain anvil --no-wait"],
  "workers cordon": ['slipway workers cordon anvil --reason "its disk is being replaced"'],
  "workers uncordon": ["slipway workers uncordon anvil"],
  drain: ["slipway drain"],
  "images list": ["slipway images", "slipway images --json"],
  "images build": ["slipway images build", "slipway images build codex --base-image slipway/local-base:24-trixie"],
  "images doctor": ["slipway images doctor", "slipway images doctor --json"],
  "images context": ["slipway images context base | docker build --tag slipway/base:0.1.0 -"],
  "token list": ["slipway token", "slipway token list --role submitter"],
  "token create": ["slipway token create --role submitter --name ci --expires 30d >ci.token"],
  "token revoke": ["slipway token revoke ci"],
  "notifications list": ["slipway notifications", "slipway notifications --json"],
  "notifications test": ["slipway notifications test", "slipway notifications test team"],
  "config show": ["slipway config", "slipway config --json"],
  "config check": ["slipway config check"],
  audit: ["slipway audit --since 2d", "slipway audit --job 12", "slipway audit --who ci --action submitJob cancelJob"],
  completion: ['eval "$(slipway completion bash)"', "slipway completion fish | source"],
  bench: ["slipway bench --quick", "slipway bench --only list"],
  version: ["slipway version"],
};

/** Commands that do something, with their words: groups are told of by what is in them. */
export function leafCommands(command: Command, path: readonly string[] = []): Array<{ readonly path: string; readonly command: Command }> {
  const visible = command.createHelp().visibleCommands(command);
  const subcommands = visible.filter((sub) => sub.name() !== "help");
  if (subcommands.length === 0) return [{ path: path.join(" "), command }];
  return subcommands.flatMap((sub) => leafCommands(sub, [...path, sub.name()]));
}

/** Has each command's `--help` end with its examples. */
export function addExamples(program: Command): void {
  for (const { path, command } of leafCommands(program)) {
    const lines = EXAMPLES[path];
    if (lines) command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
}
