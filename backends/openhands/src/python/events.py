"""Tells what happens in a conversation of OpenHands."""

import os
from typing import Any

from openhands.sdk.event import ActionEvent, AgentErrorEvent, Event, MessageEvent, ObservationEvent
from openhands.sdk.event.conversation_error import ConversationErrorEvent
from openhands.sdk.llm import TextContent
from openhands.sdk.tool.builtins.finish import FinishAction
from openhands.sdk.tool.builtins.think import ThinkAction
from openhands.tools.file_editor.definition import FileEditorObservation
from openhands.tools.task_tracker.definition import TaskTrackerAction, TaskTrackerObservation
from openhands.tools.terminal.definition import TerminalObservation

from slipway_driver import Link, well_formed

TEXT_CHARACTERS = 100_000
PLAN_ITEMS = 200
PLAN_STATUS = {"todo": "open", "in_progress": "active", "done": "done"}


class EventTeller:
    def __init__(self, link: Link | None) -> None:
        self._link = link
        self._turn = 1
        self._workspace = "/"
        self.final_text = ""
        self.failure: tuple[str, str] | None = None

    def begin_turn(self, turn: int, workspace: str) -> None:
        self._turn = turn
        self._workspace = workspace
        self.final_text = ""
        self.failure = None

    def tell(self, event: Event) -> None:
        if self._link is None:
            return
        if isinstance(event, MessageEvent) and event.source == "agent":
            self._message("reasoning", event.llm_message.reasoning_content)
            self._says(text_of(event.llm_message.content))
        elif isinstance(event, ActionEvent):
            self._action(event)
        elif isinstance(event, ObservationEvent):
            self._observation(self._link, event)
        elif isinstance(event, AgentErrorEvent):
            self._link.event("tool-result", callId=self._call_id(event.tool_call_id), output=cut(event.error), isError=True)
        elif isinstance(event, ConversationErrorEvent):
            self.failure = (event.code, event.detail)

    def _action(self, event: ActionEvent) -> None:
        assert self._link is not None
        self._message("reasoning", event.reasoning_content)
        self._says(text_of(event.thought))
        action = event.action
        if isinstance(action, FinishAction):
            self._says(action.message)
        elif isinstance(action, ThinkAction):
            self._message("reasoning", action.thought)
        elif not isinstance(action, TaskTrackerAction):
            told = {} if action is None else action.model_dump(mode="json", exclude_none=True, exclude={"kind"})
            self._link.event("tool-call", callId=self._call_id(event.tool_call_id), name=event.tool_name[:200], input=well_formed_values(told))

    def _observation(self, link: Link, event: ObservationEvent) -> None:
        observation = event.observation
        if event.tool_name in ("finish", "think"):
            return
        if isinstance(observation, TaskTrackerObservation):
            items = [{"text": cut(item.title), "status": PLAN_STATUS[item.status]} for item in observation.task_list[:PLAN_ITEMS]]
            link.event("plan", items=items)
            return
        call_id = self._call_id(event.tool_call_id)
        text = well_formed(observation.text)
        is_error = observation.is_error
        if isinstance(observation, TerminalObservation):
            link.log("shell", f"{text}\n")
            is_error = is_error or observation.exit_code not in (0, None)
            text = f"exit {observation.exit_code}\n{text}" if observation.exit_code not in (-1, None) else f"not ended yet\n{text}"
        if isinstance(observation, FileEditorObservation) and not is_error and observation.command != "view" and observation.path:
            change = "modified" if observation.prev_exist else "added"
            link.event("file-change", path=self._told_path(observation.path), change=change, callId=call_id)
        link.event("tool-result", callId=call_id, output=end_of(text), isError=is_error)

    def _told_path(self, path: str) -> str:
        inside = os.path.relpath(path, self._workspace)
        return (path if inside.startswith("..") else inside)[:4_096]

    def _call_id(self, tool_call_id: str) -> str:
        return f"turn-{self._turn}-{tool_call_id}"[:200]

    def _says(self, text: str) -> None:
        self._message("agent", text)
        self.final_text = well_formed(text) if text else self.final_text

    def _message(self, role: str, text: str | None) -> None:
        if text and self._link is not None:
            self._link.event("message", role=role, text=cut(text))


def text_of(contents: Any) -> str:
    return "\n".join(content.text for content in contents if isinstance(content, TextContent))


def cut(text: str) -> str:
    return well_formed(text if len(text) <= TEXT_CHARACTERS else f"{text[:TEXT_CHARACTERS]}… ({len(text) - TEXT_CHARACTERS} characters cut)")


def end_of(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS else f"({len(text) - TEXT_CHARACTERS} characters cut) …{text[-TEXT_CHARACTERS:]}"


def well_formed_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: cut(value) if isinstance(value, str) else value for name, value in values.items()}
