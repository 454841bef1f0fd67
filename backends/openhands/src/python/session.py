"""One conversation of OpenHands, kept in a folder of the job's home, from which it is taken up after this process ended."""

import os
import shutil
import uuid
from typing import Any

from openhands.sdk import LLM, Agent, AgentContext, Conversation, ImageContent, Message, TextContent, Tool
from openhands.sdk.conversation.state import ConversationExecutionStatus
from openhands.sdk.skills import load_project_skills
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.preset.default import get_default_condenser
from openhands.tools.task_tracker import TaskTrackerTool
from openhands.tools.terminal import TerminalTool
from pydantic import SecretStr

from events import EventTeller
from slipway_driver import JsonObject, Link

# A job has one conversation.
CONVERSATION_ID = uuid.UUID("5b6f3c1e-9d0a-4b7e-8f55-3f1f0c7d2a10")
# Each call of the model is tried this often, with pauses of a second or two; the job's own retries come on top.
TRIES = 3
# What a conversation is bound to: where any of it is another, it is opened anew.
BOUND_TO = ("model", "baseUrl", "token", "workspace", "conversation", "stepLimit", "requestTimeoutSeconds")


class Session:
    def __init__(self, link: Link | None) -> None:
        self._teller = EventTeller(link)
        self._conversation: Any = None
        self._bound: dict[str, Any] = {}

    def goes_on_with(self, request: JsonObject) -> bool:
        """Whether the conversation that this process has is the one to go on with."""
        self._teller.begin_turn(request["turn"], request["workspace"])
        return self._conversation is not None and not request["isNew"] and self._bound == {name: request[name] for name in BOUND_TO}

    def open(self, request: JsonObject, is_new: bool) -> bool:
        """Opens the conversation that the folder keeps, or a new one; answers whether it is the one that was kept."""
        self.close()
        folder = request["conversation"]
        is_kept = not is_new and os.path.exists(os.path.join(folder, CONVERSATION_ID.hex))
        if is_kept:
            try:
                self._make(request)
            except Exception as error:
                # Whatever is wrong with what was kept, which the agent could write to: the caller says that it is lost.
                print(f"the conversation cannot be taken up: {error}", flush=True)
                is_kept = False
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
            self._make(request)
        self._bound = {name: request[name] for name in BOUND_TO}
        return is_kept

    def run(self, prompt: str, images: list[str]) -> JsonObject:
        """`images` are addresses that hold them."""
        conversation = self._conversation
        pictures = [ImageContent(image_urls=images)] if images else []
        conversation.send_message(Message(role="user", content=[TextContent(text=prompt), *pictures]))
        conversation.run()
        status = conversation.state.execution_status
        if status == ConversationExecutionStatus.FINISHED:
            return {"status": "done", "finalText": self._teller.final_text}
        failure_type, message = self._teller.failure or (f"Status:{status.value}", f"the conversation ended as {status.value}")
        return {"status": "failed", "error": {"type": failure_type, "message": message}}

    def tokens(self) -> dict[str, int]:
        """Of all turns so far."""
        usage = self._conversation.conversation_stats.get_combined_metrics().accumulated_token_usage
        return {
            "inputTokens": usage.prompt_tokens if usage else 0,
            "cachedInputTokens": usage.cache_read_tokens if usage else 0,
            "outputTokens": usage.completion_tokens if usage else 0,
            "reasoningTokens": usage.reasoning_tokens if usage else 0,
        }

    def close(self) -> None:
        if self._conversation is not None:
            self._conversation.close()
        self._conversation = None

    def _make(self, request: JsonObject) -> None:
        llm = LLM(
            usage_id="agent",
            # `openai/` is litellm's word for whoever speaks Chat Completions.
            model=f"openai/{request['model']}",
            base_url=request["baseUrl"],
            api_key=SecretStr(request["token"]),
            api_mode="chat",
            stream=True,
            # What a model is not known to see would be left out.
            capability_overrides={"supports_vision": True} if request.get("images") else {},
            timeout=request["requestTimeoutSeconds"],
            num_retries=TRIES,
            retry_min_wait=1,
            retry_max_wait=2,
            retry_multiplier=1,
        )
        agent = Agent(
            llm=llm,
            tools=[Tool(name=TerminalTool.name, params={"terminal_type": "subprocess"}), Tool(name=FileEditorTool.name), Tool(name=TaskTrackerTool.name)],
            system_prompt_kwargs={"cli_mode": True},
            condenser=get_default_condenser(llm.model_copy(update={"usage_id": "condenser"})),
            agent_context=AgentContext(skills=load_project_skills(request["workspace"]), load_user_skills=False, load_public_skills=False),
        )
        self._conversation = Conversation(
            agent=agent,
            workspace=request["workspace"],
            persistence_dir=request["conversation"],
            conversation_id=CONVERSATION_ID,
            callbacks=[self._teller.tell],
            # Without one there are no streams, and a vendor's silence cannot be told from its work.
            token_callbacks=[lambda _: None],
            max_iteration_per_run=request["stepLimit"],
            visualizer=None,
            delete_on_close=False,
        )
