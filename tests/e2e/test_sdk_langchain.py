"""LangChain, with the chat models of three vendors, tools and an agent, against foreign providers."""

import pydantic
import pytest
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

from foreign import ALL, KEY, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)


def chat_openai(foreign, to):
    return ChatOpenAI(base_url=foreign.url + "/v1", api_key=KEY, model=foreign.plain(to), max_retries=0, stream_usage=True)


def chat_responses(foreign, to):
    return ChatOpenAI(
        base_url=foreign.url + "/v1",
        api_key=KEY,
        model=foreign.plain(to),
        max_retries=0,
        use_responses_api=True,
        store=False,
    )


def chat_anthropic(foreign, to):
    return ChatAnthropic(base_url=foreign.url, api_key=KEY, model=foreign.plain(to), max_retries=0, max_tokens=500)


def chat_google(foreign, to):
    return ChatGoogleGenerativeAI(base_url=foreign.url, api_key=KEY, model=foreign.plain(to), max_retries=1)


@pytest.fixture(params=[chat_openai, chat_responses, chat_anthropic, chat_google], ids=lambda f: f.__name__)
def new_chat(request):
    return request.param


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture
def chat(foreign, new_chat, to):
    return new_chat(foreign, to)


asked = []


@tool
def weather(city: str, days: int) -> str:
    """Weather ahead."""
    asked.append(("weather", city, days))
    return f"sunny in {city}"


@tool
def clock(zone: str) -> str:
    """The time there."""
    asked.append(("clock", zone))
    return f"noon in {zone}"


def test_a_conversation(foreign, chat, to):
    foreign.mock.script({"tokens": 6})
    r = chat.invoke([SystemMessage("Be brief."), HumanMessage("I am Ada."), AIMessage("Hello."), HumanMessage("Who am I?")])
    assert r.text == foreign.mock.text(6)
    assert r.usage_metadata["output_tokens"] == 6
    assert r.usage_metadata["input_tokens"] == prompt_tokens(to, foreign.record())
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.said("user") == ["I am Ada.", "Who am I?"] and h.said("assistant") == ["Hello."]


def test_a_stream(foreign, chat):
    foreign.mock.script({"tokens": 6})
    whole = None
    for piece in chat.stream("hello"):
        whole = piece if whole is None else whole + piece
    assert whole.text == foreign.mock.text(6)
    assert whole.usage_metadata["output_tokens"] == 6
    assert foreign.record()["stream"] or b"stream" in foreign.record()["path"].encode()


@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_tools_by_hand(foreign, chat, mode):
    bound = chat.bind_tools([weather, clock])
    messages = [HumanMessage("Weather and time?")]
    foreign.mock.script({"tools": 2}, {"tools": 2, "tokens": 5})

    def answer():
        if mode == "plain":
            return bound.invoke(messages)
        whole = None
        for piece in bound.stream(messages):
            whole = piece if whole is None else whole + piece
        return whole

    first = answer()
    assert [c["name"] for c in first.tool_calls] == ["weather", "clock"]
    messages.append(first)
    for c in first.tool_calls:
        messages.append(ToolMessage(f"result of {c['name']}", tool_call_id=c["id"], name=c["name"]))
    assert answer().text == foreign.mock.text(5)
    h = foreign.heard()
    assert h.calls() == [(c["name"], c["args"]) for c in first.tool_calls]
    both = "|".join(h.results())
    assert "result of weather" in both and "result of clock" in both


def test_an_agent(foreign, chat):
    """The agent's own loop: it is told to call, calls, and brings the results."""
    asked.clear()
    foreign.mock.script({"tools": 2}, {"tools": 2, "tokens": 5})
    agent = create_agent(chat, [weather, clock], system_prompt="Use the tools.")
    end = agent.invoke({"messages": [HumanMessage("Weather and time?")]})
    assert end["messages"][-1].text == foreign.mock.text(5)
    assert sorted(a[0] for a in asked) == ["clock", "weather"]
    h = foreign.heard()
    assert h.text("system") == "Use the tools."
    both = "|".join(h.results())
    assert "sunny in" in both and "noon in" in both


class Steps(pydantic.BaseModel):
    """Steps to take."""

    title: str
    count: int
    done: bool
    tags: list[str]


def test_structured_output(foreign, chat, to):
    got = chat.with_structured_output(Steps, method="json_schema").invoke("hello")
    assert isinstance(got, Steps) and is_steps(got.model_dump())


def test_a_stream_that_breaks_raises(foreign, chat):
    foreign.mock.script({"tokens": 8, "fail": "truncate"})
    got = ""
    with pytest.raises(Exception) as e:
        for piece in chat.stream("hello"):
            got += piece.text
    assert not isinstance(e.value, AssertionError)
    assert got != foreign.mock.text(8)
