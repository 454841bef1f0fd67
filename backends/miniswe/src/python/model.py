"""mini-swe-agent's model, made for a job: answers are streamed, usage and texts are told, and a failed call is tried again within bounds."""

import time
from typing import Any

import httpx
import litellm
from minisweagent.models.litellm_model import BASH_TOOL, LitellmModel

from slipway_driver import Link, Usage, well_formed

CONNECT_SECONDS = 10
# Pauses before a failed call is tried again, in seconds; the job's own retries come on top.
PAUSES_SECONDS = (0.5, 2.0)
# One that was silent has taken its time already, and is asked once more only.
SILENT_TRIES = 2
# What the same request may not meet again.
PASSING = (
    litellm.exceptions.RateLimitError,
    litellm.exceptions.InternalServerError,
    litellm.exceptions.ServiceUnavailableError,
    litellm.exceptions.BadGatewayError,
    litellm.exceptions.APIConnectionError,
    litellm.exceptions.Timeout,
)
TEXT_CHARACTERS = 100_000


class AnswerCut(Exception):
    """The model's answer ended before it was whole."""


class Model(LitellmModel):
    def __init__(self, link: Link, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._link = link
        self.usage = Usage()
        self.last_text = ""

    def begin_turn(self, name: str, base_url: str, token: str, silence_seconds: int) -> None:
        self.usage = Usage()
        self.last_text = ""
        # `openai/` is litellm's word for whoever speaks Chat Completions.
        self.config.model_name = f"openai/{name}"
        self.config.model_kwargs = {
            "api_base": base_url,
            "api_key": token,
            "drop_params": True,
            "max_retries": 0,
            "timeout": httpx.Timeout(silence_seconds, connect=CONNECT_SECONDS),
        }

    def rehearse(self, base_url: str) -> None:
        self.begin_turn("rehearsal", base_url, "none", CONNECT_SECONDS)
        self._stream([{"role": "user", "content": "Are you ready?"}])
        self.config.model_kwargs = {}

    def end_turn(self) -> None:
        self.usage.tell(self._link)
        self.config.model_kwargs = {}

    def _query(self, messages: list[dict[str, Any]], **kwargs: Any) -> Any:
        for tries in range(1, len(PAUSES_SECONDS) + 2):
            try:
                return self._heard(self._stream(messages))
            except (AnswerCut, *PASSING) as error:
                is_silent = isinstance(error, litellm.exceptions.Timeout)
                if tries > len(PAUSES_SECONDS) or is_final(error) or (is_silent and tries >= SILENT_TRIES):
                    raise
                self._link.notice(f"A call of the model failed and is tried again: {well_formed(str(error))[:2_000]}")
                time.sleep(PAUSES_SECONDS[tries - 1])

    def _stream(self, messages: list[dict[str, Any]]) -> Any:
        stream = litellm.completion(
            model=self.config.model_name,
            messages=messages,
            tools=[BASH_TOOL],
            stream=True,
            stream_options={"include_usage": True},
            **self.config.model_kwargs,
        )
        chunks = list(stream)
        if stream.received_finish_reason is None:
            raise AnswerCut("the answer broke off")
        return litellm.stream_chunk_builder(chunks, messages=messages)

    def _heard(self, response: Any) -> Any:
        usage = response.usage
        self.usage.add(
            inputTokens=usage.prompt_tokens,
            cachedInputTokens=getattr(usage.prompt_tokens_details, "cached_tokens", 0),
            outputTokens=usage.completion_tokens,
            reasoningTokens=getattr(usage.completion_tokens_details, "reasoning_tokens", 0),
        )
        message = response.choices[0].message
        self._tell("reasoning", getattr(message, "reasoning_content", None) or "")
        message.content = well_formed(message.content) if message.content else message.content
        self._tell("agent", message.content or "")
        self.last_text = message.content or self.last_text
        return response

    def _tell(self, role: str, text: str) -> None:
        if text:
            cut = f"{text[:TEXT_CHARACTERS]}… ({len(text) - TEXT_CHARACTERS} characters cut)" if len(text) > TEXT_CHARACTERS else text
            self._link.event("message", role=role, text=well_formed(cut))


def is_final(error: Exception) -> bool:
    """A quota that is used up stays so, whatever its status: vendors tell it as one too many requests."""
    return "quota" in str(error).lower() or "BUDGET_EXCEEDED" in str(error)
