"""Cohere's official client for Python (ClientV2) against providers of every dialect."""

import json

import cohere
import httpx
import pytest

from foreign import ALL, CLOCK, KEY, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Weather ahead.", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK}},
]
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def client(foreign):
    return cohere.ClientV2(api_key=KEY, base_url=foreign.url, timeout=20)


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture(params=["plain", "stream"])
def mode(request):
    return request.param


class Answer:
    def __init__(self):
        self.text = self.thinking = self.plan = ""
        self.calls, self.finish, self.usage = [], None, None

    def arguments(self):
        return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in self.calls]

    def message(self):
        """To be sent back."""
        m = {"role": "assistant"}
        content = []
        if self.thinking:
            content.append({"type": "thinking", "thinking": self.thinking})
        if self.text:
            content.append({"type": "text", "text": self.text})
        if content:
            m["content"] = content
        if self.calls:
            m["tool_calls"] = self.calls
        if self.plan:
            m["tool_plan"] = self.plan
        return m


def whole(r):
    a = Answer()
    for c in r.message.content or []:
        if c.type == "text":
            a.text += c.text
        else:
            a.thinking += c.thinking
    a.plan = r.message.tool_plan or ""
    a.calls = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in r.message.tool_calls or []
    ]
    a.finish, a.usage = r.finish_reason, r.usage
    assert r.message.role == "assistant" and r.id
    return a


def together(events):
    a, kinds, calls = Answer(), [], {}
    for e in events:
        kinds.append(e.type)
        if e.type == "content-delta":
            c = e.delta.message.content
            a.text += getattr(c, "text", None) or ""
            a.thinking += getattr(c, "thinking", None) or ""
        elif e.type == "tool-plan-delta":
            a.plan += e.delta.message.tool_plan
        elif e.type == "tool-call-start":
            c = e.delta.message.tool_calls
            calls[e.index] = {
                "id": c.id,
                "type": "function",
                "function": {"name": c.function.name, "arguments": c.function.arguments or ""},
            }
        elif e.type == "tool-call-delta":
            calls[e.index]["function"]["arguments"] += e.delta.message.tool_calls.function.arguments
        elif e.type == "message-end":
            a.finish, a.usage = e.delta.finish_reason, e.delta.usage
    a.calls = [calls[i] for i in sorted(calls)]
    assert kinds[0] == "message-start" and kinds[-1] == "message-end"
    assert kinds.count("content-start") == kinds.count("content-end")
    assert kinds.count("tool-call-start") == kinds.count("tool-call-end")
    return a


def ask(client, mode, **kw):
    if mode == "plain":
        return whole(client.chat(**kw))
    return together(client.chat_stream(**kw))


def test_text_usage_and_the_end(foreign, client, to, mode):
    a = ask(client, mode, model=foreign.model(to, tokens=7), messages=HELLO)
    record = foreign.record()
    assert a.text == record["text"] == foreign.mock.text(7)
    assert a.finish == "COMPLETE"
    assert a.usage.tokens.input_tokens == prompt_tokens(to, record)
    assert a.usage.tokens.output_tokens == 7
    assert a.usage.billed_units.output_tokens == 7


def test_a_conversation_with_a_system_prompt(foreign, client, to, mode):
    last = 'What is my name? \u00e9\U0001f600 "quoted"\n'
    ask(
        client,
        mode,
        model=foreign.model(to),
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello, Ada."}]},
            {"role": "user", "content": last},
        ],
        max_tokens=200,
        temperature=0.5,
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", last]
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_two_calls_and_their_results(foreign, client, to, mode):
    messages = [{"role": "user", "content": "Weather and time?"}]
    kw = {"messages": messages, "tools": TOOLS}
    a = ask(client, mode, model=foreign.model(to, tools=2, interleave="on", arg_bytes=3), **kw)
    calls_are_right(a.arguments())
    assert a.finish == "TOOL_CALL"
    assert len({c["id"] for c in a.calls}) == 2
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    messages.append(a.message())
    messages.append({"role": "tool", "tool_call_id": a.calls[0]["id"], "content": "sunny, 21"})
    document = {"type": "document", "document": {"id": "d1", "data": {"now": "noon"}}}
    messages.append({"role": "tool", "tool_call_id": a.calls[1]["id"], "content": [document]})
    b = ask(client, mode, model=foreign.model(to, tools=2, tokens=5), **kw)
    assert b.text == foreign.mock.text(5) and b.finish == "COMPLETE"
    h = foreign.heard()
    assert h.calls() == a.arguments()
    assert h.order() == ["user", "assistant", "tool"]
    both = "|".join(h.results())
    assert "noon" in both and "sunny, 21" in both


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")
    a = ask(client, mode, model=foreign.model(to), messages=HELLO, tools=TOOLS, tool_choice="REQUIRED")
    assert len(a.calls) == 1 and a.finish == "TOOL_CALL"
    a = ask(client, mode, model=foreign.model(to, tools=2, tokens=3), messages=HELLO, tools=TOOLS, tool_choice="NONE")
    assert a.calls == [] and a.text == foreign.mock.text(3)


def test_an_image(foreign, client, to, mode):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG_64}},
    ]
    ask(client, mode, model=foreign.model(to), messages=[{"role": "user", "content": content}])
    h = foreign.heard()
    [(kind, data)] = h.said("user", "image")
    assert data == PNG_64 and kind in ("image/png", "")
    assert h.said("user") == ["What is this?"]


def test_structured_output(foreign, client, to, mode):
    form = {"type": "json_object", "json_schema": STEPS}
    a = ask(client, mode, model=foreign.model(to), messages=HELLO, response_format=form)
    assert is_steps(json.loads(a.text))
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


THINKING = {"type": "enabled", "token_budget": 2048}


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama"])
def test_thinking_is_shown(foreign, client, to, mode):
    a = ask(
        client,
        mode,
        model=foreign.model(to, reasoning=6, tokens=4),
        messages=HELLO,
        thinking=THINKING,
        max_tokens=4000,
    )
    assert len(a.thinking.split()) == 6
    assert a.text == foreign.mock.text(4)
    assert a.usage.tokens.output_tokens == 10


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "responses"])
def test_a_tool_turn_with_thinking(foreign, client, to, mode):
    """Cohere's clients have no place for a signature: what cannot be signed must not be sent."""
    messages = list(HELLO)
    kw = {"messages": messages, "tools": TOOLS, "thinking": THINKING, "max_tokens": 4000}
    a = ask(client, mode, model=foreign.model(to, tools=2, reasoning=6), **kw)
    assert len(a.calls) == 2
    messages.append(a.message())
    messages += [{"role": "tool", "tool_call_id": c["id"], "content": "fine"} for c in a.calls]
    b = ask(client, mode, model=foreign.model(to, tokens=5, reasoning=6), **kw)
    assert b.text == foreign.mock.text(5)
    assert len(foreign.heard().calls()) == 2


@pytest.mark.parametrize("told,said", [("length", "MAX_TOKENS"), ("stop", "COMPLETE")])
def test_why_it_ended(foreign, client, to, mode, told, said):
    a = ask(client, mode, model=foreign.model(to, finish=told, tokens=3), messages=HELLO)
    assert a.finish == said


def test_a_stop_sequence(foreign, client, to, mode):
    if to == "responses":
        pytest.skip("Responses has no stop sequences")
    name = foreign.model(to, text="one two STOP three")
    a = ask(client, mode, model=name, messages=HELLO, stop_sequences=["STOP"])
    assert a.text.rstrip() == "one two"
    assert a.finish == ("STOP_SEQUENCE" if to in ("anthropic", "bedrock", "cohere") else "COMPLETE")
    assert foreign.heard().stop == ["STOP"]


def test_models_and_the_prefix(foreign):
    c = cohere.ClientV2(api_key=KEY, base_url=foreign.url + "/cohere", timeout=20)
    assert {f"{d}-model" for d in ALL} <= {m.name for m in c.models.list().models}
    assert c.models.get("gemini-model").name == "gemini-model"
    r = c.chat(model=foreign.model("gemini", tokens=3), messages=HELLO)
    assert r.message.content[0].text == foreign.mock.text(3)


# ---- errors --------------------------------------------------------------------------------


def test_an_unknown_model(foreign, client):
    with pytest.raises(cohere.NotFoundError) as e:
        client.chat(model="no-such", messages=HELLO)
    assert "no-such" in e.value.body["message"]


def test_a_wrong_key(foreign):
    c = cohere.ClientV2(api_key="wrong", base_url=foreign.url, timeout=20)
    with pytest.raises(cohere.UnauthorizedError):
        c.chat(model=foreign.plain("openai"), messages=HELLO)
    with pytest.raises(cohere.UnauthorizedError):
        list(c.chat_stream(model=foreign.plain("openai"), messages=HELLO))
    assert foreign.mock.records() == []


def test_what_the_provider_refuses(foreign, client, to):
    with pytest.raises(cohere.BadRequestError) as e:
        client.chat(model=foreign.model(to, status=400, error_message="that is too hot"), messages=HELLO)
    assert "that is too hot" in e.value.body["message"]


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(cohere.TooManyRequestsError):
        client.chat(model=foreign.model(to), messages=HELLO, request_options={"max_retries": 0})
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n)
    r = client.chat(model=foreign.model(to, tokens=3), messages=HELLO, request_options={"max_retries": 1})
    assert r.message.content[0].text == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    """In this dialect an error in mid-stream is a message-end that says ERROR."""
    got, ends = "", []
    try:
        for e in client.chat_stream(model=foreign.model(to, tokens=8, fail=fault), messages=HELLO):
            if e.type == "content-delta":
                got += e.delta.message.content.text
            elif e.type == "message-end":
                ends.append(e.delta)
    except (cohere.core.api_error.ApiError, httpx.HTTPError):
        assert to == "cohere" or not ends
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert [e.finish_reason for e in ends] in ([], ["ERROR"])
    if to != "cohere":
        assert ends


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    s = client.chat_stream(model=foreign.model(to, tokens=1000, gap="10ms"), messages=HELLO)
    for n, _ in enumerate(s):
        if n == 5:
            break
    s.close()
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])
