"""LiteLLM: chats, whole and streamed, with a tool."""

from __future__ import annotations

import sys


def main(url: str) -> None:
    """Chat by LiteLLM's own functions."""
    import litellm

    options = {"model": "openai/bowerbird", "api_base": f"{url}/v1", "api_key": "none"}
    messages = [{"role": "user", "content": "a red lamp"}]
    reply = litellm.completion(messages=messages, **options)
    assert "lamp" in reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    chunks = list(
        litellm.completion(messages=messages, stream=True, stream_options={"include_usage": True}, **options)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == reply.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == reply.usage.completion_tokens
    tool = {"type": "function", "function": {"name": "order_status", "parameters": {"type": "object"}}}
    question = [{"role": "user", "content": "where is my order?"}]
    called = litellm.completion(messages=question, tools=[tool], **options).choices[0]
    assert called.finish_reason == "tool_calls"
    assert called.message.tool_calls[0].function.name == "order_status"


if __name__ == "__main__":
    main(sys.argv[1])
