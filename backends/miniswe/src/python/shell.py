"""mini-swe-agent's environment, made for a job: output is told as it comes, and what a command leaves running holds nothing up."""

import codecs
import os
import select
import signal
import subprocess
import time
from typing import Any, Callable

from minisweagent.environments.local import LocalEnvironment

from slipway_driver import Link

# Of a command's output its beginning and its end are kept, each this many bytes; the model is shown 10,000 characters of them. The log has all.
KEPT_BYTES = 1024 * 1024
# How much of it an event carries, in characters.
EVENT_CHARACTERS = 100_000
# How long a command's output is listened to after its end, where something that it left running holds the pipe open, in seconds.
DRAIN_SECONDS = 0.1
POLL_SECONDS = 0.05
BASH = "/bin/bash" if os.path.exists("/bin/bash") else None


class Output:
    """The beginning and the end of what a command prints."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def add(self, data: bytes) -> None:
        room = KEPT_BYTES - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        if len(self._tail) > 2 * KEPT_BYTES:
            self._left_out += len(self._tail) - KEPT_BYTES
            del self._tail[:-KEPT_BYTES]

    def text(self) -> str:
        left_out = f"\n({self._left_out} bytes left out)\n" if self._left_out else ""
        return self._head.decode("utf-8", "replace") + left_out + self._tail.decode("utf-8", "replace")


class Shell(LocalEnvironment):
    def __init__(self, link: Link, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._link = link
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._calls = 0
        self.turn = 1
        # The whole environment of commands: the job's, which has no token.
        self.environment: dict[str, str] = {}

    def begin_turn(self, turn: int, workspace: str, environment: dict[str, str], timeout: int) -> None:
        self.turn = turn
        self._calls = 0
        self.config.cwd = workspace
        self.config.timeout = timeout
        self.environment = environment | self.config.env

    def execute(self, action: dict, cwd: str = "", *, timeout: int | None = None) -> dict[str, Any]:
        self._calls += 1
        call_id = f"turn-{self.turn}-call-{self._calls}"
        self._link.event("tool-call", callId=call_id, name="bash", input={"command": action["command"]})
        output = self._run(action["command"], timeout or self.config.timeout)
        first = output["exception_info"] or f"exit {output['returncode']}"
        text = output["output"]
        cut = f"({len(text) - EVENT_CHARACTERS} characters cut) …{text[-EVENT_CHARACTERS:]}" if len(text) > EVENT_CHARACTERS else text
        self._link.event("tool-result", callId=call_id, output=f"{first}\n{cut}", isError=output["returncode"] != 0)
        self._check_finished(output)
        return output

    def _run(self, command: str, timeout: int) -> dict[str, Any]:
        kept = Output()
        try:
            exit_code = run_command(command, self.config.cwd, self.environment, timeout, lambda data: self._heard(kept, data))
            return {"output": kept.text(), "returncode": exit_code, "exception_info": ""}
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            text = f"An error occurred while executing the command: {error}"
            extra = {"exception_type": type(error).__name__, "exception": str(error)}
            return {"output": kept.text(), "returncode": -1, "exception_info": text, "extra": extra}
        finally:
            self._link.log("shell", self._decoder.decode(b"", True))

    def _heard(self, kept: Output, data: bytes) -> None:
        kept.add(data)
        self._link.log("shell", self._decoder.decode(data))


def run_command(command: str, cwd: str, env: dict[str, str], timeout: int, heard: Callable[[bytes], None]) -> int:
    """Runs a command in a session of its own, to its end or to its time's, and answers its exit code."""
    process = subprocess.Popen(
        command,
        shell=True,
        executable=BASH,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    deadline = time.monotonic() + timeout
    drained_at = float("inf")
    with process.stdout:
        while time.monotonic() < min(deadline, drained_at):
            if select.select([pipe], [], [], POLL_SECONDS)[0]:
                data = os.read(pipe, 65_536)
                if not data:
                    break
                heard(data)
            if drained_at == float("inf") and process.poll() is not None:
                drained_at = time.monotonic() + DRAIN_SECONDS
        try:
            return process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise subprocess.TimeoutExpired(command, timeout) from error
