"""The conversation, kept as lines of JSON in the job's home, so that it goes on after this process ended. The agent can write there: the file is data only."""

import json
import os
import stat
from typing import Any

LIMIT_BYTES = 256 * 1024 * 1024
ROLES = ("system", "user", "assistant", "tool")
NOT_EXECUTED = "action was not executed"


class Conversation:
    def __init__(self, path: str) -> None:
        self._path = path

    def begin(self) -> None:
        """An empty one, in place of what was there."""
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        descriptor = os.open(f"{self._path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        os.close(descriptor)
        os.replace(f"{self._path}.new", self._path)

    def add(self, messages: list[dict[str, Any]]) -> None:
        kept = [{key: value for key, value in message.items() if key != "extra"} for message in messages if message.get("role") in ROLES]
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(message) + "\n" for message in kept)

    def read(self) -> list[dict[str, Any]]:
        """What can be believed of it: its messages up to the first that is broken."""
        messages: list[dict[str, Any]] = []
        try:
            with os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode) or about.st_size > LIMIT_BYTES:
                    return []
                for line in file:
                    message = json.loads(line)
                    if not isinstance(message, dict) or message.get("role") not in ROLES:
                        break
                    messages.append(message)
        except (OSError, ValueError):
            pass  # Missing, damaged, or cut off with the process that wrote it: what came before counts.
        return messages


def answers_to_open_calls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results for the calls that have none, because the turn ended with them or in the middle of them: a vendor refuses a conversation that lacks them."""
    answered = {message.get("tool_call_id") for message in messages if message.get("role") == "tool"}
    calls = [call for message in messages[-20:] for call in message.get("tool_calls") or [] if isinstance(call, dict)]
    return [{"role": "tool", "tool_call_id": call.get("id"), "content": NOT_EXECUTED} for call in calls if call.get("id") not in answered]
