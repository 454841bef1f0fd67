"""
Drives mini-swe-agent by its own classes: `python driver.py FOLDER`, where FOLDER has slipway_driver.py, which says how the backend speaks to it.

Fields of a turn: prompt, turn, isNew (whether the conversation begins), workspace, env (of commands), conversation (its file), baseUrl (with /v1), token, model,
stepLimit (0: none), commandTimeoutSeconds, silenceTimeoutSeconds; images (of the job), where there are some.
"""

import os
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])

from slipway_driver import JsonObject, Link, error_of, serve  # noqa: E402

# Nothing is looked up outside, no file of the home's is read for settings, an answer may repeat itself, and mini-swe-agent's own retries, of which there are
# ten, are off.
os.environ.update(
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    LITELLM_MODE="PRODUCTION",
    REPEATED_STREAMING_CHUNK_LIMIT="1000000000",
    MSWEA_CONFIGURED="true",
    MSWEA_COST_TRACKING="ignore_errors",
    MSWEA_GLOBAL_CONFIG_DIR=os.path.dirname(os.path.abspath(__file__)),
    MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT="1",
    MSWEA_SILENT_STARTUP="1",
)

CONTINUED = """{prompt}

Continue in the same folder, with what was done so far. When you have finished, issue `echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT` again, as a command of its own."""
INSTRUCTIONS = """

These are the instructions of the repository's AGENTS.md:

{text}"""
INSTRUCTIONS_LIMIT_BYTES = 64 * 1024

link = Link()
agent: Any = None


def load() -> str:
    global agent
    import litellm
    import minisweagent
    import yaml
    from agent import Agent
    from minisweagent.config import builtin_config_dir
    from model import Model
    from shell import Shell

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    with open(builtin_config_dir / "mini.yaml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    settings = {"system_template": config["agent"]["system_template"], "instance_template": config["agent"]["instance_template"], "cost_limit": 0}
    model = Model(
        link,
        model_name="",
        observation_template=config["model"]["observation_template"],
        format_error_template=config["model"]["format_error_template"],
    )
    agent = Agent(link, model, Shell(link, env=config["environment"]["env"]), **settings)
    return minisweagent.__version__


def warm() -> None:
    from rehearsal import rehearsal_server

    with rehearsal_server() as base_url:
        agent.model.rehearse(base_url)


def turn(request: JsonObject) -> JsonObject:
    agent.begin_turn(request)
    prompt = request["prompt"]
    try:
        if request["isNew"]:
            status, submission = agent.converse(prompt + instructions_of(request["workspace"]), True)
        else:
            status, submission = agent.converse(CONTINUED.format(prompt=prompt), False)
    except Exception as error:
        return {"status": "failed", "error": error_of(error)}
    finally:
        agent.model.end_turn()
    if status == "Submitted":
        return {"status": "done", "finalText": submission.strip() or agent.model.last_text}
    return {"status": "failed", "error": {"type": status, "message": status}}


def instructions_of(workspace: str) -> str:
    """mini-swe-agent itself reads no AGENTS.md."""
    try:
        descriptor = os.open(os.path.join(workspace, "AGENTS.md"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(INSTRUCTIONS_LIMIT_BYTES).decode("utf-8", "replace")
    return INSTRUCTIONS.format(text=text) if text.strip() else ""


serve(link, load, warm, turn)
