"""
Drives OpenHands by its SDK: `python driver.py FOLDER`, where FOLDER has slipway_driver.py, which says how the backend speaks to it.

Fields of a turn: prompt, turn, isNew (whether the conversation begins), workspace, env (of commands), conversation (the folder that keeps it), baseUrl (with /v1),
token, model, stepLimit, requestTimeoutSeconds; images (of the job), where there are some.
"""

import os
import sys
import tempfile

sys.path.insert(0, sys.argv[1])

from slipway_driver import JsonObject, Link, Usage, error_of, image_urls, serve  # noqa: E402

# Nothing is looked up outside, an answer may repeat itself, and the retries below OpenHands' own are off. Read when the libraries are loaded; what a turn
# brings takes the place of all of them.
os.environ.update(
    DEFAULT_MAX_RETRIES="0",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    LITELLM_MODE="PRODUCTION",
    LOG_LEVEL="WARNING",
    OPENHANDS_SUPPRESS_BANNER="1",
    REPEATED_STREAMING_CHUNK_LIMIT="1000000000",
)

LOST = "The conversation of the earlier turns is lost; a new one begins."

link = Link()
session = None


def load() -> str:
    import importlib.metadata

    import litellm
    import session as sessions

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    global session
    session = sessions.Session(link)
    return importlib.metadata.version("openhands-sdk")


def warm() -> None:
    """A whole conversation that nobody hears of."""
    from rehearsal import rehearsal_server
    from session import Session

    with rehearsal_server() as base_url, tempfile.TemporaryDirectory() as folder:
        rehearsed = Session(None)
        settings = {"model": "rehearsal", "baseUrl": base_url, "token": "none", "stepLimit": 2, "requestTimeoutSeconds": 10}
        rehearsed.open({**settings, "workspace": folder, "conversation": os.path.join(folder, "conversation"), "turn": 1}, True)
        tempfile.tempdir = folder
        rehearsed.run("Are you ready?", [])
        rehearsed.close()
        tempfile.tempdir = None


def turn(request: JsonObject) -> JsonObject:
    assert session is not None
    os.environ.clear()
    os.environ.update(request["env"], OH_PERSISTENCE_DIR=os.path.join(request["conversation"], "settings"))
    # The file editor keeps what files were before, for its own undoing.
    tempfile.tempdir = f"{request['conversation']}-temporary"
    os.makedirs(tempfile.tempdir, mode=0o700, exist_ok=True)
    usage = Usage()
    try:
        goes_on = session.goes_on_with(request) or session.open(request, request["isNew"])
        if not goes_on and not request["isNew"]:
            link.notice(LOST)
        before = session.tokens()
        try:
            return session.run(request["prompt"], [] if goes_on else image_urls(request))
        finally:
            usage.add(**{name: count - before[name] for name, count in session.tokens().items()})
            usage.tell(link)
    except Exception as error:
        return {"status": "failed", "error": error_of(root_of(error))}


def root_of(error: BaseException) -> BaseException:
    """OpenHands wraps the exceptions of litellm in its own, which say less."""
    while (type(error).__name__.startswith("LLM") or type(error).__name__ == "ConversationRunError") and error.__cause__ is not None:
        error = error.__cause__
    return error


serve(link, load, warm, turn)
