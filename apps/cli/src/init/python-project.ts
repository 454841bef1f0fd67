import type { Found, GateKind, Line, Project } from "./project.ts";
import { pythonHosts } from "./registries.ts";

const REQUIREMENTS: readonly string[] = ["requirements.txt", "requirements-dev.txt", "dev-requirements.txt"];

/** uv where it is in use, else pip in an environment of the workspace's own; pytest and ruff where the project names them. */
export function pythonProject(project: Project): Found | undefined {
  const { names } = project;
  const requirements = REQUIREMENTS.filter((name) => names.has(name));
  if (!names.has("pyproject.toml") && !names.has("setup.py") && requirements.length === 0) return undefined;
  const isUv = names.has("uv.lock") || /^\[tool\.uv[.\]]/m.test(project.text("pyproject.toml"));
  const texts = ["pyproject.toml", ...requirements].map((name) => ({ name, text: withoutComments(project.text(name)) }));
  const namedIn = (tool: string): string | undefined => texts.find(({ text }) => new RegExp(`(^|[^\\w-])${tool}([^\\w-]|$)`, "m").test(text))?.name;
  const pytest = namedIn("pytest") ?? ["pytest.ini", "conftest.py"].find((name) => names.has(name));
  const ruff = namedIn("ruff") ?? ["ruff.toml", ".ruff.toml"].find((name) => names.has(name));
  const run = isUv ? "uv run " : ".venv/bin/";
  const gates: Partial<Record<GateKind, Line>> = {
    ...(ruff ? { lint: { run: `${run}ruff check .`, why: `ruff, by ${ruff}` } } : {}),
    ...(pytest ? { test: { run: `${run}pytest`, why: `pytest, by ${pytest}` } } : {}),
  };
  const tools = [...(pytest ? ["pytest"] : []), ...(ruff ? ["ruff"] : [])];
  const setup = isUv ? uvSetup(names.has("uv.lock")) : pipSetup(project, requirements, tools);
  // uv may bring a Python of its own into the home, and a project that is installed from here leaves files beside its sources.
  const kept = !isUv && requirements.length > 0 ? { inputs: includesMore(project, requirements) ? undefined : requirements } : undefined;
  return { of: "python", setup, hosts: pythonHosts(project, requirements), gates, notes: [], makes: [".venv"], kept };
}

/** Whether a list of requirements reads other files, or installs from a folder. */
function includesMore(project: Project, requirements: readonly string[]): boolean {
  return requirements.some((name) => /^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.{0,2}\/|\.\s*$|file:)/m.test(withoutComments(project.text(name))));
}

function uvSetup(isLocked: boolean): Line[] {
  if (isLocked) return [{ run: "uv sync --locked --all-extras", why: "uv.lock: exactly what it names is installed" }];
  return [{ run: "uv sync --all-extras", why: "pyproject.toml is for uv, and there is no uv.lock" }];
}

function pipSetup({ names }: Project, requirements: readonly string[], tools: readonly string[]): Line[] {
  const isPackage = names.has("pyproject.toml") || names.has("setup.py");
  return [
    { run: "python3 -m venv .venv", why: "an environment of the workspace's own" },
    ...requirements.map((name) => ({ run: `.venv/bin/pip install -r ${name}`, why: `what ${name} names` })),
    // A pyproject.toml may hold nothing but settings of tools.
    ...(isPackage && requirements.length === 0 ? [{ run: ".venv/bin/pip install -e .", why: "the project itself, with what it needs" }] : []),
    ...(tools.length > 0 ? [{ run: `.venv/bin/pip install ${tools.join(" ")}`, why: "what the gates call, where nothing above has installed it" }] : []),
  ];
}

function withoutComments(text: string): string {
  return text.replace(/(^|\s)#.*$/gm, "");
}
