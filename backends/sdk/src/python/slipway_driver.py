"""
What the drivers of Python agents share. A driver is a program of ours beside a backend: it imports the agent's own library and drives it; the backend starts
it, speaks to it in lines of JSON, and keeps it between the turns of a conversation. `driver-messages.ts` has the same protocol from the other side.

Backend to driver, on standard input:
  {"type": "warm"}                          do everything once that makes the first turn slow
  {"type": "turn", ...}                     one turn; its fields are the driver's own
  the end of the input                      end, and everything that was started with it
Driver to backend, on standard output; standard error is for people:
  {"type": "ready", "version": "1.2.3"}     the agent's library is loaded
  {"type": "unavailable", "message": ""}    it cannot be; the driver ends
  {"type": "warmed"}                        answers `warm`
  {"type": "begun"}                         a turn was taken up: from now on it must not be begun anew
  {"type": "event", "event": {...}}         an event of the turn, as `packages/protocol/src/events.ts` has it
  {"type": "log", "stream": "", "text": ""} raw output
  {"type": "end", "result": {...}}          the last word on a turn: {"status": "done", "finalText": ""}, or {"status": "failed", "error": {...}}
SIGINT ends the driver and all that it started at once.

It needs nothing but Python 3.10 or newer.
"""

import base64
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import Any, Callable

JsonObject = dict[str, Any]

# prctl(2): who lost its parent becomes a child of this process, and can be found.
PR_SET_CHILD_SUBREAPER = 36
# What a process forks while others are looked for is found in the next round.
KILL_ROUNDS = 20


class Link:
    """The way to the backend. Nobody else reads standard input or writes to standard output: not a library, not a command."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[JsonObject] = queue.SimpleQueue()

    def listen(self) -> None:
        """From now on messages are taken, also while a turn runs: the end of the input has to be heard then too."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._in:
            self._inbox.put(json.loads(line))
        end_everything(0)

    def receive(self) -> JsonObject:
        return self._inbox.get()

    def send(self, message_type: str, **fields: Any) -> None:
        line = json.dumps({"type": message_type, **fields})
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def event(self, kind: str, **data: Any) -> None:
        self.send("event", event={"kind": kind, "data": data})

    def notice(self, text: str) -> None:
        self.event("notice", level="warning", text=text)

    def log(self, stream: str, text: str) -> None:
        self.send("log", stream=stream, text=text)


class Usage:
    """Tokens of one turn, summed over its calls of the model."""

    def __init__(self) -> None:
        self.counted = {"inputTokens": 0, "cachedInputTokens": 0, "outputTokens": 0, "reasoningTokens": 0}

    def add(self, **tokens: int | None) -> None:
        for name, count in tokens.items():
            self.counted[name] += max(0, count or 0)

    def tell(self, link: Link) -> None:
        if any(self.counted.values()):
            link.event("usage", **self.counted, costUsd=0)


def adopt_orphans() -> None:
    """What a command leaves running stays in this process's family, so that it ends with it. Linux only; elsewhere such a process is the sandbox's to end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_everything(exit_code: int) -> None:
    end_descendants()
    os._exit(exit_code)


def end_descendants() -> None:
    """Kills whatever descends from this process."""
    for _ in range(KILL_ROUNDS):
        pids = _descendants(os.getpid())
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # Gone meanwhile.


def reap_orphans() -> None:
    """Takes the ends of adopted processes. Only while no command runs: the ends of those belong to whoever waits for them."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass  # There is none.


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _processes() -> list[tuple[int, int]]:
    """Each living process with its parent."""
    if sys.platform != "linux":
        table = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in table.splitlines()]
        return [(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in "ZX":
            found.append((int(name), int(parent)))
    return found


def well_formed(text: str) -> str:
    """A text without lone surrogates, which no UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def image_urls(request: JsonObject) -> list[str]:
    """The job's images as addresses that hold them, for the prompt that a conversation begins with."""
    urls = []
    for image in request.get("images", []):
        with open(image["path"], "rb") as file:
            urls.append(f"data:{image['type']};base64,{base64.b64encode(file.read()).decode('ascii')}")
    return urls


def error_of(error: BaseException) -> JsonObject:
    """An exception of litellm, or any other, as the backend judges it."""
    causes = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 10:
        causes.append(f"{type(cause).__name__}: {well_formed(str(cause))[:500]}")
        cause = cause.__cause__ or cause.__context__
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None)
    return {
        "type": type(error).__name__,
        "message": well_formed(str(error))[:20_000] or type(error).__name__,
        "causes": causes,
        **({"httpStatus": status} if isinstance(status, int) else {}),
        **({"code": code} if isinstance(code, str) else {}),
    }


def serve(link: Link, load: Callable[[], str], warm: Callable[[], None], turn: Callable[[JsonObject], JsonObject]) -> None:
    """Loads the agent's library, whose version `load` answers, and takes messages until the input ends. `turn` answers the result of a turn."""
    adopt_orphans()
    signal.signal(signal.SIGINT, lambda *_: end_everything(130))
    link.listen()
    try:
        version = load()
    except ImportError as error:
        link.send("unavailable", message=str(error))
        end_everything(1)
        return
    link.send("ready", version=version)
    while True:
        message = link.receive()
        if message["type"] == "warm":
            warm()
            link.send("warmed")
        elif message["type"] == "turn":
            link.send("begun")
            try:
                result = turn(message)
            except Exception as error:
                sys.excepthook(*sys.exc_info())
                result = {"status": "failed", "error": error_of(error)}
            link.send("end", result=result)
            reap_orphans()
