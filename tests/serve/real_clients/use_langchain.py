"""LangChain's OpenAI integration: invoke, stream, tools, structured output."""

from __future__ import annotations

import sys


def main(url: str) -> None:
    """Chat by `ChatOpenAI`."""
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from pydantic import BaseModel

    @tool
    def order_status(order_id: str) -> str:
        """Where an order is."""
        return f"{order_id} is on its way."

    class Offer(BaseModel):
        """What the shop offers."""

        text: str
        count: int

    model = ChatOpenAI(model="bowerbird", base_url=f"{url}/v1", api_key="none", max_retries=0)
    reply = model.invoke("a red lamp")
    assert "lamp" in reply.content and reply.usage_metadata["total_tokens"] > 0
    parts = list(model.stream("a red lamp"))
    assert "".join(part.content for part in parts) == reply.content
    with_tools = model.bind_tools([order_status])
    called = with_tools.invoke("where is my order?")
    assert [call["args"] for call in called.tool_calls] == [{"order_id": "17"}, {"order_id": "18"}]
    offer = model.with_structured_output(Offer, method="json_schema").invoke("a red lamp")
    assert offer.count > 0 and offer.text


if __name__ == "__main__":
    main(sys.argv[1])
