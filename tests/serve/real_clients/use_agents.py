"""OpenAI's agents: an agent that calls its own function, whole and streamed."""

from __future__ import annotations

import asyncio
import sys

RESULT = "The order is with the carrier and arrives on friday."


def main(url: str) -> None:
    """Run an agent whose model is bowerbird."""
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    orders = []

    @function_tool
    def order_status(order_id: str) -> str:
        """Where an order is."""
        orders.append(order_id)
        return RESULT

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    model = OpenAIChatCompletionsModel(model="bowerbird", openai_client=client)
    agent = Agent(name="shop", instructions="Be kind.", model=model, tools=[order_status])

    async def run() -> None:
        answer = await Runner.run(agent, "where is my order?")
        assert answer.final_output == "Your order arrives on friday.", answer.final_output
        assert orders == ["17", "18"]
        streamed = Runner.run_streamed(agent, "where is my order?")
        names = [event.type async for event in streamed.stream_events()]
        assert "run_item_stream_event" in names
        assert streamed.final_output == answer.final_output
        listed = await Runner.run(agent, "a red lamp")
        assert "lamp" in listed.final_output

    asyncio.run(run())


if __name__ == "__main__":
    main(sys.argv[1])
