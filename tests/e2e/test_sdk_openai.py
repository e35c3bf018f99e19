"""The official OpenAI client for Python, chat completions, against providers of every dialect."""

import asyncio
import json

import openai
import pydantic
import pytest

from foreign import ALL, CLOCK, KEY, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Weather ahead.", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK}},
]
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello, Ada."},
    {"role": "user", "content": "What is my name? \u00e9\U0001f600 \"quoted\"\n"},
]


@pytest.fixture
def client(foreign):
    return openai.OpenAI(base_url=foreign.url + "/v1", api_key=KEY, max_retries=0, timeout=20)


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture(params=["plain", "stream"])
def mode(request):
    return request.param


def ask(client, mode, **kw):
    """The final message, its finish reason and usage, in either mode."""
    if mode == "plain":
        r = client.chat.completions.create(**kw)
    else:
        with client.chat.completions.stream(stream_options={"include_usage": True}, **kw) as s:
            for _ in s:
                pass
            r = s.get_final_completion()
    return r.choices[0].message, r.choices[0].finish_reason, r.usage


def test_text_usage_and_the_end(foreign, client, to, mode):
    m, why, used = ask(client, mode, model=foreign.model(to, tokens=7), messages=[{"role": "user", "content": "hello"}])
    record = foreign.record()
    assert m.content == record["text"] == foreign.mock.text(7)
    assert m.role == "assistant" and not m.tool_calls
    assert why == "stop"
    assert used.prompt_tokens == prompt_tokens(to, record)
    assert used.completion_tokens == record["completion_tokens"] == 7
    assert used.total_tokens == used.prompt_tokens + used.completion_tokens


def test_cached_tokens_are_part_of_the_prompt(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama says nothing of caches")
    _, _, used = ask(
        client,
        mode,
        model=foreign.model(to, tokens=3, prompt_tokens=100, cached_tokens=60),
        messages=[{"role": "user", "content": "hello"}],
    )
    assert used.prompt_tokens == prompt_tokens(to, foreign.record())
    assert used.prompt_tokens_details.cached_tokens == 60


def test_a_conversation_with_a_system_prompt(foreign, client, to, mode):
    ask(
        client,
        mode,
        model=foreign.model(to),
        messages=TALK,
        max_completion_tokens=200,
        temperature=0.5,
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", TALK[3]["content"]]
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_two_calls_and_their_results(foreign, client, to, mode):
    messages = [{"role": "user", "content": "Weather and time?"}]
    m, why, _ = ask(client, mode, model=foreign.model(to, tools=2), messages=messages, tools=TOOLS)
    calls = [(c.function.name, json.loads(c.function.arguments)) for c in m.tool_calls]
    calls_are_right(calls)
    assert why == "tool_calls"
    assert m.tool_calls[0].id != m.tool_calls[1].id
    assert set(foreign.heard().tools) == {"weather", "clock"}
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    # The results in the other order than the calls.
    messages.append(m)
    for c, said in zip(reversed(m.tool_calls), ["noon", "sunny, 21 degrees"]):
        messages.append({"role": "tool", "tool_call_id": c.id, "content": said})
    m, why, _ = ask(client, mode, model=foreign.model(to, tools=2, tokens=5), messages=messages, tools=TOOLS)
    assert m.content == foreign.mock.text(5) and why == "stop"
    h = foreign.heard()
    assert h.calls() == calls
    assert h.order() == ["user", "assistant", "tool"]
    both = "|".join(h.results())
    assert "noon" in both and "sunny, 21 degrees" in both


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")
    kw = {"messages": [{"role": "user", "content": "hello"}], "tools": TOOLS}
    m, why, _ = ask(client, mode, model=foreign.model(to), tool_choice="required", **kw)
    assert why == "tool_calls" and len(m.tool_calls) == 1
    if to == "cohere":
        return
    named = {"type": "function", "function": {"name": "clock"}}
    m, why, _ = ask(client, mode, model=foreign.model(to), tool_choice=named, **kw)
    assert [c.function.name for c in m.tool_calls] == ["clock"]
    assert why in ("stop", "tool_calls")


def test_streamed_arguments_interleave_and_come_together(foreign, client, to):
    s = client.chat.completions.create(
        model=foreign.model(to, tools=2, arg_bytes=3, interleave="on"),
        messages=[{"role": "user", "content": "hello"}],
        tools=TOOLS,
        stream=True,
    )
    calls = {}
    for chunk in s:
        for d in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            c = calls.setdefault(d.index, {"id": None, "name": "", "arguments": ""})
            c["id"] = d.id or c["id"]
            c["name"] += d.function.name or ""
            c["arguments"] += d.function.arguments or ""
    assert sorted(calls) == [0, 1]
    calls_are_right([(c["name"], json.loads(c["arguments"])) for _, c in sorted(calls.items())])
    assert calls[0]["id"] and calls[0]["id"] != calls[1]["id"]


def test_an_image(foreign, client, to, mode):
    ask(
        client,
        mode,
        model=foreign.model(to),
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG_64}},
                ],
            }
        ],
    )
    h = foreign.heard()
    assert h.said("user") == ["What is this?"]
    [(kind, data)] = h.said("user", "image")
    assert data == PNG_64 and kind in ("image/png", "")


class Steps(pydantic.BaseModel):
    title: str
    count: int
    done: bool
    tags: list[str]


def test_structured_output_is_parsed(foreign, client, to, mode):
    kw = {
        "model": foreign.model(to),
        "messages": [{"role": "user", "content": "hello"}],
        "response_format": Steps,
    }
    if mode == "plain":
        parsed = client.chat.completions.parse(**kw).choices[0].message.parsed
    else:
        with client.chat.completions.stream(**kw) as s:
            for _ in s:
                pass
            parsed = s.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Steps) and is_steps(parsed.model_dump())
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama"])
def test_reasoning_is_shown_and_counted(foreign, client, to, mode):
    m, why, used = ask(
        client,
        mode,
        model=foreign.model(to, reasoning=6, tokens=4),
        messages=[{"role": "user", "content": "hello"}],
        reasoning_effort="medium",
    )
    assert m.content == foreign.mock.text(4)
    assert len(m.reasoning_content.split()) == 6
    assert why == "stop"
    assert used.completion_tokens == foreign.record()["completion_tokens"] == 10


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock"])
def test_reasoning_goes_back_to_who_issued_it(foreign, client, to, mode):
    """The simulated providers refuse thinking without its signature, and with another's."""
    messages = [{"role": "user", "content": "Weather?"}]
    kw = {"tools": TOOLS, "reasoning_effort": "medium"}
    m, _, _ = ask(client, mode, model=foreign.model(to, tools=2, reasoning=6), messages=messages, **kw)
    assert m.reasoning_content
    messages.append(m.model_dump(exclude_none=True))
    for c in m.tool_calls:
        messages.append({"role": "tool", "tool_call_id": c.id, "content": "fine"})
    m2, why, _ = ask(client, mode, model=foreign.model(to, tokens=5, reasoning=6), messages=messages, **kw)
    assert m2.content == foreign.mock.text(5) and why == "stop"
    h = foreign.heard()
    body = foreign.last()["body"]
    assert len(h.calls()) == 2
    if to == "gemini":  # its signatures are at the calls
        assert b"thoughtSignature" in body
    else:
        assert h.said("assistant", "thinking") == [m.reasoning_content]
        assert b"signature" in body


@pytest.mark.parametrize("told", ["length", "content_filter"])
def test_why_it_ended(foreign, client, to, mode, told):
    if told == "content_filter" and to in ("ollama", "cohere"):
        pytest.skip("has no such end")
    kw = {"model": foreign.model(to, finish=told, tokens=3), "messages": [{"role": "user", "content": "hello"}]}
    if mode == "plain":
        why = client.chat.completions.create(**kw).choices[0].finish_reason
    else:  # the helper raises at such an end
        chunks = list(client.chat.completions.create(stream=True, **kw))
        [why] = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
    assert why == told


def test_a_stop_sequence(foreign, client, to, mode):
    m, why, _ = ask(
        client,
        mode,
        model=foreign.model(to, text="one two STOP three"),
        messages=[{"role": "user", "content": "hello"}],
        **({} if to == "responses" else {"stop": ["STOP"]}),
    )
    if to == "responses":
        assert m.content == "one two STOP three"
        return
    assert m.content.rstrip() == "one two" and why == "stop"
    assert foreign.heard().stop == ["STOP"]


def test_many_at_once_to_all_dialects(foreign):
    """Each gets its own answer, whole, and nobody else's."""

    async def one(client, i):
        said = f"this is number {i} of them " * (1 + i % 7)
        kw = {
            "model": foreign.model(ALL[i % len(ALL)], echo="on", gap="2ms"),
            "messages": [{"role": "user", "content": said}],
        }
        if i % 2:
            r = await client.chat.completions.create(**kw)
            return said, r.choices[0].message.content
        text = ""
        async for chunk in await client.chat.completions.create(stream=True, **kw):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        return said, text

    async def everybody():
        async with openai.AsyncOpenAI(base_url=foreign.url + "/v1", api_key=KEY, max_retries=0, timeout=40) as c:
            return await asyncio.gather(*(one(c, i) for i in range(70)))

    for said, got in asyncio.run(everybody()):
        assert got == said


def test_what_a_provider_cannot_be_told_is_named(foreign, client):
    kw = {"messages": [{"role": "user", "content": "x"}], "seed": 7, "logit_bias": {"1": 5}}
    r = client.chat.completions.with_raw_response.create(model=foreign.model("anthropic"), **kw)
    dropped = r.headers["x-weir-dropped"].split(", ")
    assert {"seed", "logit_bias"} <= set(dropped)
    r = client.chat.completions.with_raw_response.create(model=foreign.model("openai"), **kw)
    assert "x-weir-dropped" not in r.headers


# ---- errors --------------------------------------------------------------------------------


def test_an_unknown_model(foreign, client):
    with pytest.raises(openai.NotFoundError) as e:
        client.chat.completions.create(model="no-such", messages=[{"role": "user", "content": "x"}])
    assert e.value.code == "model_not_found"


def test_a_wrong_key(foreign):
    c = openai.OpenAI(base_url=foreign.url + "/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as e:
        c.chat.completions.create(model=foreign.plain("anthropic"), messages=[{"role": "user", "content": "x"}])
    assert e.value.code == "invalid_api_key"
    assert foreign.mock.records() == []


def test_what_the_provider_refuses(foreign, client, to):
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(
            model=foreign.model(to, status=400, error_message="that is too hot"),
            messages=[{"role": "user", "content": "x"}],
        )
    assert "that is too hot" in e.value.message
    assert len(foreign.mock.records()) == 1


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=foreign.model(to), messages=[{"role": "user", "content": "x"}])
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n)
    r = client.with_options(max_retries=1).chat.completions.create(
        model=foreign.model(to, tokens=3), messages=[{"role": "user", "content": "x"}]
    )
    assert r.choices[0].message.content == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    got, why = "", None
    with pytest.raises(openai.APIError):
        for chunk in client.chat.completions.create(
            model=foreign.model(to, tokens=8, fail=fault),
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
        ):
            for c in chunk.choices:
                got += c.delta.content or ""
                why = c.finish_reason or why
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert why is None


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    s = client.chat.completions.create(
        model=foreign.model(to, tokens=1000, gap="10ms"), messages=[{"role": "user", "content": "x"}], stream=True
    )
    for n, _ in enumerate(s):
        if n == 5:
            break
    s.close()
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])


def test_a_message_that_is_wrong_is_named(foreign, client, to):
    if to == "openai":
        pytest.skip("the provider judges its own dialect")
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(
            model=foreign.model(to),
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}],
        )
    assert e.value.param == "messages[0].content[0].image_url.url"
    assert foreign.mock.records() == []
