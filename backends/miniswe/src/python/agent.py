"""mini-swe-agent's agent, made for a conversation of several turns."""

import os
from typing import Any

from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import FormatError, InterruptAgentFlow

from conversation import Conversation, answers_to_open_calls
from slipway_driver import JsonObject, Link, image_urls

LOST = "The conversation of the earlier turns is lost; a new one begins."


class Agent(DefaultAgent):
    def __init__(self, link: Link, model: Any, env: Any, **kwargs: Any) -> None:
        super().__init__(model, env, **kwargs)
        self._link = link
        self._conversation: Conversation | None = None
        self._request: JsonObject = {}

    def begin_turn(self, request: JsonObject) -> None:
        self._conversation = Conversation(request["conversation"])
        self._request = request
        self.config.step_limit = request["stepLimit"]
        self.n_calls = 0
        self.n_consecutive_format_errors = 0
        self.env.begin_turn(request["turn"], request["workspace"], request["env"], request["commandTimeoutSeconds"])
        self.model.begin_turn(request["model"], request["baseUrl"], request["token"], request["silenceTimeoutSeconds"])

    def converse(self, prompt: str, is_new: bool) -> tuple[str, str]:
        """Goes on until the agent submits or may not go on; answers mini-swe-agent's exit status and what was submitted."""
        if is_new or not self._resume():
            self._begin(prompt)
        else:
            self.add_messages(*answers_to_open_calls(self.messages), self.model.format_message(role="user", content=prompt))
        while self.messages[-1].get("role") != "exit":
            try:
                self.step()
                self.n_consecutive_format_errors = 0
            except FormatError as error:
                self.n_consecutive_format_errors += 1
                self.add_messages(*error.messages)
                if self.n_consecutive_format_errors >= self.config.max_consecutive_format_errors:
                    return "RepeatedFormatError", ""
            except InterruptAgentFlow as error:
                self.add_messages(*error.messages)
        end = self.messages.pop()["extra"]
        return end["exit_status"], end["submission"]

    def add_messages(self, *messages: dict) -> list[dict]:
        assert self._conversation is not None
        self._conversation.add(list(messages))
        return super().add_messages(*messages)

    def _begin(self, prompt: str) -> None:
        assert self._conversation is not None
        self._conversation.begin()
        self.extra_template_vars = {"task": prompt}
        self.messages = []
        self.add_messages(
            self.model.format_message(role="system", content=self._render_template(self.config.system_template)),
            self.model.format_message(role="user", content=self._with_images(self._render_template(self.config.instance_template))),
        )

    def _with_images(self, text: str) -> Any:
        images = [{"type": "image_url", "image_url": {"url": url}} for url in image_urls(self._request)]
        return [{"type": "text", "text": text}, *images] if images else text

    def _resume(self) -> bool:
        """Whether there is a conversation to go on with: this process's own, or what one before it wrote."""
        assert self._conversation is not None
        if not self.messages:
            self.messages = self._conversation.read()
        elif self.messages[-1].get("role") == "exit":
            self.messages.pop()
        if not self.messages:
            self._link.notice(LOST)
        return bool(self.messages)
