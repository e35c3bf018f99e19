"""The official Anthropic client for Python against providers of every dialect."""

import json

import anthropic
import pydantic
import pytest

from foreign import ALL, CLOCK, KEY, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = [
    {"name": "weather", "description": "Weather ahead.", "input_schema": WEATHER},
    {"name": "clock", "input_schema": CLOCK},
]
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(params=["/", "/anthropic"])
def base(request, foreign):
    return foreign.url + request.param.rstrip("/")


@pytest.fixture
def client(foreign):
    return anthropic.Anthropic(base_url=foreign.url, api_key=KEY, max_retries=0, timeout=20)


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture(params=["plain", "stream"])
def mode(request):
    return request.param


def ask(client, mode, **kw):
    """The final message in either mode; of a stream the one that the helper put together."""
    kw.setdefault("max_tokens", 1000)
    if mode == "plain":
        return client.messages.create(**kw)
    with client.messages.stream(**kw) as s:
        text = "".join(s.text_stream)
        final = s.get_final_message()
    assert text == "".join(b.text for b in final.content if b.type == "text")
    return final


def text(message):
    return "".join(b.text for b in message.content if b.type == "text")


def uses(message):
    return [b for b in message.content if b.type == "tool_use"]


def thoughts(message):
    return [b for b in message.content if b.type == "thinking"]


def test_text_usage_and_the_end(foreign, client, to, mode):
    name = foreign.model(to, tokens=7)
    m = ask(client, mode, model=name, messages=HELLO)
    record = foreign.record()
    assert text(m) == record["text"] == foreign.mock.text(7)
    assert (m.type, m.role, m.stop_reason, m.stop_sequence) == ("message", "assistant", "end_turn", None)
    if to != "anthropic":
        assert m.model == name
    assert m.usage.input_tokens == prompt_tokens(to, record)
    assert m.usage.output_tokens == 7


def test_cached_tokens_are_beside_the_input(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama says nothing of caches")
    m = ask(client, mode, model=foreign.model(to, prompt_tokens=100, cached_tokens=60), messages=HELLO)
    assert m.usage.cache_read_input_tokens == 60
    assert m.usage.input_tokens == prompt_tokens(to, foreign.record()) - 60


def test_events_come_in_their_order(foreign, client, to):
    kinds, open_block, seen = [], None, []
    for e in client.messages.create(
        model=foreign.model(to, tokens=5, tools=2, text="some text"), messages=HELLO, tools=TOOLS, max_tokens=99, stream=True
    ):
        kinds.append(e.type)
        if e.type == "content_block_start":
            assert open_block is None
            open_block = e.index
            seen.append(e.content_block.type)
        elif e.type == "content_block_delta":
            assert open_block == e.index
        elif e.type == "content_block_stop":
            assert open_block == e.index
            open_block = None
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert open_block is None
    assert seen == ["text", "tool_use", "tool_use"]


def test_a_conversation_with_a_system_prompt(foreign, client, to, mode):
    ask(
        client,
        mode,
        model=foreign.model(to),
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello, Ada."}]},
            {"role": "user", "content": 'What is my name? \u00e9\U0001f600 "quoted"\n'},
        ],
        max_tokens=200,
        extra_body={"temperature": 0.5},
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", 'What is my name? \u00e9\U0001f600 "quoted"\n']
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_two_calls_and_their_results(foreign, client, to, mode):
    messages = [{"role": "user", "content": "Weather and time?"}]
    kw = {"messages": messages, "tools": TOOLS}
    m = ask(client, mode, model=foreign.model(to, tools=2, interleave="on", arg_bytes=3), **kw)
    calls = [(b.name, b.input) for b in uses(m)]
    calls_are_right(calls)
    assert m.stop_reason == "tool_use"
    ids = [b.id for b in uses(m)]
    assert len(set(ids)) == 2
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    messages += [
        {"role": "assistant", "content": m.content},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": ids[1], "content": "it broke", "is_error": True},
                {"type": "tool_result", "tool_use_id": ids[0], "content": [{"type": "text", "text": "sunny, 21"}]},
                {"type": "text", "text": "Well?"},
            ],
        },
    ]
    m = ask(client, mode, model=foreign.model(to, tools=2, tokens=5), **kw)
    h = foreign.heard()
    assert h.calls() == calls
    both = "|".join(h.results())
    assert "it broke" in both and "sunny, 21" in both
    assert h.said("user")[-1] == "Well?"
    if not uses(m):  # a text after the results is a new question: it may be answered with calls
        assert text(m) == foreign.mock.text(5) and m.stop_reason == "end_turn"


def test_results_alone_are_answered(foreign, client, to, mode):
    messages = [{"role": "user", "content": "Weather and time?"}]
    kw = {"messages": messages, "tools": TOOLS}
    m = ask(client, mode, model=foreign.model(to, tools=2), **kw)
    messages += [
        {"role": "assistant", "content": m.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": b.id, "content": "fine"} for b in uses(m)],
        },
    ]
    m = ask(client, mode, model=foreign.model(to, tools=2, tokens=5), **kw)
    assert text(m) == foreign.mock.text(5) and m.stop_reason == "end_turn"
    assert foreign.heard().order() == ["user", "assistant", "tool"]


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")
    kw = {"messages": HELLO, "tools": TOOLS}
    m = ask(client, mode, model=foreign.model(to), tool_choice={"type": "any"}, **kw)
    assert len(uses(m)) == 1 and m.stop_reason == "tool_use"
    if to != "cohere":
        m = ask(client, mode, model=foreign.model(to), tool_choice={"type": "tool", "name": "clock"}, **kw)
        assert [b.name for b in uses(m)] == ["clock"]


def test_an_image(foreign, client, to, mode):
    ask(
        client,
        mode,
        model=foreign.model(to),
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_64}},
                    {"type": "text", "text": "What is this?"},
                ],
            }
        ],
    )
    h = foreign.heard()
    [(kind, data)] = h.said("user", "image")
    assert data == PNG_64 and kind in ("image/png", "")
    assert h.said("user") == ["What is this?"]


class Steps(pydantic.BaseModel):
    title: str
    count: int
    done: bool
    tags: list[str]


def test_structured_output_is_parsed(foreign, client, to, mode):
    kw = {"model": foreign.model(to), "messages": HELLO, "max_tokens": 500}
    if mode == "plain":
        parsed = client.messages.parse(output_format=Steps, **kw).parsed_output
    else:
        with client.messages.stream(output_format=Steps, **kw) as s:
            parsed = s.get_final_message().parsed_output
    assert isinstance(parsed, Steps) and is_steps(parsed.model_dump())
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


THINKING = {"type": "enabled", "budget_tokens": 2048}


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama", "responses"])
def test_thinking_is_shown(foreign, client, to, mode):
    m = ask(
        client,
        mode,
        model=foreign.model(to, reasoning=6, tokens=4),
        messages=HELLO,
        thinking=THINKING,
        max_tokens=4000,
    )
    assert [b.type for b in m.content][0] == "thinking"
    assert len(" ".join(b.thinking for b in thoughts(m)).split()) == 6
    assert text(m) == foreign.mock.text(4)
    assert m.usage.output_tokens == foreign.record()["completion_tokens"] == 10


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "responses"])
def test_signatures_go_back_to_who_issued_them(foreign, client, to, mode):
    """The simulated providers refuse thinking without its signature, and with another's."""
    messages = list(HELLO)
    kw = {"messages": messages, "tools": TOOLS, "thinking": THINKING, "max_tokens": 4000}
    m = ask(client, mode, model=foreign.model(to, tools=2, reasoning=6), **kw)
    assert any(getattr(b, "signature", None) or getattr(b, "data", None) for b in m.content)
    messages += [
        {"role": "assistant", "content": m.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": b.id, "content": "fine"} for b in uses(m)],
        },
    ]
    m2 = ask(client, mode, model=foreign.model(to, tokens=5, reasoning=6), **kw)
    assert text(m2) == foreign.mock.text(5)
    h = foreign.heard()
    body = foreign.last()["body"]
    if to in ("anthropic", "bedrock"):
        assert h.said("assistant", "thinking") == [b.thinking for b in thoughts(m)]
        assert b"signature" in body
    elif to == "gemini":
        assert b"thoughtSignature" in body
    else:
        assert b"encrypted_content" in body

    # Another provider is asked to go on: it gets the words, and not the signature.
    for other in ("anthropic", "gemini", "bedrock", "responses", "openai"):
        if other != to:
            m3 = ask(client, mode, model=foreign.model(other, tokens=5), **kw)
            assert text(m3) == foreign.mock.text(5), other
            assert b"weir~" not in foreign.last()["body"], other
            assert len(foreign.heard().calls()) == 2


@pytest.mark.parametrize(
    "told,said",
    [("length", "max_tokens"), ("content_filter", "refusal"), ("refusal", "refusal"), ("stop", "end_turn")],
)
def test_why_it_ended(foreign, client, to, mode, told, said):
    if said == "refusal" and to in ("ollama", "cohere"):
        pytest.skip("has no such end")
    m = ask(client, mode, model=foreign.model(to, finish=told, tokens=3), messages=HELLO)
    assert m.stop_reason == said


def test_a_stop_sequence(foreign, client, to, mode):
    if to == "responses":
        pytest.skip("Responses has no stop sequences")
    m = ask(
        client,
        mode,
        model=foreign.model(to, text="one two STOP three"),
        messages=HELLO,
        stop_sequences=["STOP"],
    )
    assert text(m).rstrip() == "one two"
    assert m.stop_reason == ("stop_sequence" if to in ("anthropic", "bedrock", "cohere") else "end_turn")
    assert foreign.heard().stop == ["STOP"]


def test_counting_tokens(foreign, client):
    kw = {"messages": HELLO, "system": "Be brief.", "tools": TOOLS}
    for to in ("anthropic", "gemini", "bedrock"):
        n = client.messages.count_tokens(model=foreign.model(to, prompt_tokens=123), **kw).input_tokens
        assert n == 123, to
        assert foreign.last()["path"].endswith(("count_tokens", ":countTokens", "/count-tokens")), to


@pytest.mark.parametrize("to", ["cohere", "ollama"])
def test_who_cannot_count_is_not_asked(foreign, client, to):
    """It is estimated, and said so."""
    r = client.messages.with_raw_response.count_tokens(model=foreign.model(to), messages=HELLO)
    assert r.headers["x-weir-estimated"] == "true" and r.parse().input_tokens > 0
    assert foreign.mock.records() == []


def test_models(foreign, base):
    c = anthropic.Anthropic(base_url=base, api_key=KEY)
    page = c.models.list()
    assert {f"{d}-model" for d in ALL} <= {m.id for m in page}
    assert all(m.type == "model" and m.display_name for m in page)
    assert c.models.retrieve("gemini-model").id == "gemini-model"
    with pytest.raises(anthropic.NotFoundError):
        c.models.retrieve("none")


def test_below_the_prefix_it_is_the_same(foreign, base):
    c = anthropic.Anthropic(base_url=base, api_key=KEY, max_retries=0)
    m = c.messages.create(model=foreign.model("gemini", tokens=3), messages=HELLO, max_tokens=10)
    assert text(m) == foreign.mock.text(3)


def test_the_key_as_a_bearer_token(foreign):
    c = anthropic.Anthropic(base_url=foreign.url, auth_token=KEY, api_key=None, max_retries=0)
    m = c.messages.create(model=foreign.model("openai", tokens=3), messages=HELLO, max_tokens=10)
    assert text(m) == foreign.mock.text(3)


# ---- errors --------------------------------------------------------------------------------


def error_of(e):
    assert e.value.body["type"] == "error"
    return e.value.body["error"]


def test_an_unknown_model(foreign, client):
    with pytest.raises(anthropic.NotFoundError) as e:
        client.messages.create(model="no-such", messages=HELLO, max_tokens=10)
    assert error_of(e)["type"] == "not_found_error"


def test_a_wrong_key(foreign):
    c = anthropic.Anthropic(base_url=foreign.url, api_key="sk-wrong", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as e:
        c.messages.create(model=foreign.plain("openai"), messages=HELLO, max_tokens=10)
    assert error_of(e)["type"] == "authentication_error"
    assert foreign.mock.records() == []


def test_what_the_provider_refuses(foreign, client, to):
    with pytest.raises(anthropic.BadRequestError) as e:
        client.messages.create(
            model=foreign.model(to, status=400, error_message="that is too hot"), messages=HELLO, max_tokens=10
        )
    assert error_of(e)["type"] == "invalid_request_error"
    assert "that is too hot" in error_of(e)["message"]


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    kw = {"messages": HELLO, "max_tokens": 10}
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(anthropic.RateLimitError) as e:
        client.messages.create(model=foreign.model(to), **kw)
    assert error_of(e)["type"] == "rate_limit_error"
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n)
    m = client.with_options(max_retries=1).messages.create(model=foreign.model(to, tokens=3), **kw)
    assert text(m) == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    got, kinds = "", []
    with pytest.raises((anthropic.APIError, json.JSONDecodeError)) as raised:
        for e in client.messages.create(
            model=foreign.model(to, tokens=8, fail=fault), messages=HELLO, max_tokens=99, stream=True
        ):
            kinds.append(e.type)
            if e.type == "content_block_delta":
                got += e.delta.text
    assert isinstance(raised.value, anthropic.APIError)
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert "message_stop" not in kinds and "message_delta" not in kinds


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    with client.messages.stream(
        model=foreign.model(to, tokens=1000, gap="10ms"), messages=HELLO, max_tokens=2000
    ) as s:
        for n, _ in enumerate(s.text_stream):
            if n == 5:
                break
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])


def test_a_message_that_is_wrong_is_named(foreign, client, to):
    if to == "anthropic":
        pytest.skip("the provider judges its own dialect")
    with pytest.raises(anthropic.BadRequestError) as e:
        client.messages.create(
            model=foreign.model(to),
            messages=[{"role": "user", "content": [{"type": "text", "text": 5}]}],
            max_tokens=10,
        )
    assert "messages[0].content[0].text" in error_of(e)["message"]
    assert foreign.mock.records() == []
