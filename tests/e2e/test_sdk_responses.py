"""The official OpenAI client for Python, Responses, against providers of every dialect."""

import json

import openai
import pydantic
import pytest

from foreign import ALL, CLOCK, KEY, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = [
    {"type": "function", "name": "weather", "description": "Weather ahead.", "parameters": WEATHER, "strict": True},
    {"type": "function", "name": "clock", "parameters": CLOCK, "strict": True},
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
    """The response in either mode; of a stream the one that the helper put together."""
    kw.setdefault("input", "hello")
    kw.setdefault("store", False)
    if mode == "plain":
        return client.responses.create(**kw)
    with client.responses.stream(**kw) as s:
        pieces, last = "", -1
        for e in s:
            assert e.sequence_number == last + 1, "every event has its number"
            last = e.sequence_number
            if e.type == "response.output_text.delta":
                pieces += e.delta
        final = s.get_final_response()
    assert pieces == final.output_text
    return final


def again(r):
    """What came out, to be sent back; `parsed_arguments` is an addition of the stream helper."""
    return [i.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for i in r.output]


def calls_of(r):
    return [i for i in r.output if i.type == "function_call"]


def test_text_usage_and_the_end(foreign, client, to, mode):
    r = ask(client, mode, model=foreign.model(to, tokens=7))
    record = foreign.record()
    assert r.output_text == record["text"] == foreign.mock.text(7)
    assert r.status == "completed" and r.error is None and r.incomplete_details is None
    assert r.usage.input_tokens == prompt_tokens(to, record)
    assert r.usage.output_tokens == 7
    assert r.usage.total_tokens == r.usage.input_tokens + 7


def test_events_come_in_their_order(foreign, client, to):
    kinds = [e.type for e in client.responses.create(model=foreign.model(to, tokens=3), input="x", store=False, stream=True)]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    rest = [k for i, k in enumerate(kinds[2:]) if kinds[2:][i - 1] != k or i == 0]
    assert rest == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_a_conversation_with_instructions(foreign, client, to, mode):
    last = 'What is my name? \u00e9\U0001f600 "quoted"\n'
    ask(
        client,
        mode,
        model=foreign.model(to),
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": "Hello, Ada."},
            {"role": "user", "content": [{"type": "input_text", "text": last}]},
        ],
        max_output_tokens=200,
        temperature=0.5,
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", last]
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_two_calls_and_their_results(foreign, client, to, mode):
    said = [{"role": "user", "content": "Weather and time?"}]
    r = ask(client, mode, model=foreign.model(to, tools=2, interleave="on", arg_bytes=3), input=said, tools=TOOLS)
    calls = [(c.name, json.loads(c.arguments)) for c in calls_of(r)]
    calls_are_right(calls)
    assert r.status == "completed"
    assert len({c.call_id for c in calls_of(r)}) == 2
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    said += again(r)
    for c, result in zip(calls_of(r), ["sunny, 21", "noon"]):
        said.append({"type": "function_call_output", "call_id": c.call_id, "output": result})
    r = ask(client, mode, model=foreign.model(to, tools=2, tokens=5), input=said, tools=TOOLS)
    assert r.output_text == foreign.mock.text(5)
    h = foreign.heard()
    assert h.calls() == calls
    assert h.order() == ["user", "assistant", "tool"]
    both = "|".join(h.results())
    assert "noon" in both and "sunny, 21" in both


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")
    r = ask(client, mode, model=foreign.model(to), tools=TOOLS, tool_choice="required")
    assert len(calls_of(r)) == 1
    if to != "cohere":
        r = ask(client, mode, model=foreign.model(to), tools=TOOLS, tool_choice={"type": "function", "name": "clock"})
        assert [c.name for c in calls_of(r)] == ["clock"]


def test_an_image(foreign, client, to, mode):
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": "data:image/png;base64," + PNG_64, "detail": "auto"},
    ]
    ask(client, mode, model=foreign.model(to), input=[{"role": "user", "content": content}])
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
    kw = {"model": foreign.model(to), "input": "hello", "text_format": Steps, "store": False}
    if mode == "plain":
        parsed = client.responses.parse(**kw).output_parsed
    else:
        with client.responses.stream(**kw) as s:
            parsed = s.get_final_response().output_parsed
    assert isinstance(parsed, Steps) and is_steps(parsed.model_dump())
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


REASONING = {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama", "responses"])
def test_reasoning_is_shown_and_counted(foreign, client, to, mode):
    r = ask(client, mode, model=foreign.model(to, reasoning=6, tokens=4), **REASONING)
    items = [i for i in r.output if i.type == "reasoning"]
    shown = "".join(s.text for i in items for s in [*i.summary, *(i.content or [])])
    assert len(shown.split()) == 6
    assert r.output_text == foreign.mock.text(4)
    assert r.usage.output_tokens == 10
    if to in ("anthropic", "gemini", "responses"):
        assert r.usage.output_tokens_details.reasoning_tokens == 6


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "responses"])
def test_encrypted_reasoning_goes_back_to_who_issued_it(foreign, client, to, mode):
    """The simulated providers refuse thinking without its signature, and with another's."""
    said = [{"role": "user", "content": "Weather?"}]
    kw = {"tools": TOOLS, **REASONING}
    r = ask(client, mode, model=foreign.model(to, tools=2, reasoning=6), input=said, **kw)
    said += again(r)
    said += [{"type": "function_call_output", "call_id": c.call_id, "output": "fine"} for c in calls_of(r)]
    r2 = ask(client, mode, model=foreign.model(to, tokens=5, reasoning=6), input=said, **kw)
    assert r2.output_text == foreign.mock.text(5)
    h = foreign.heard()
    body = foreign.last()["body"]
    assert len(h.calls()) == 2
    if to in ("anthropic", "bedrock"):
        assert len(" ".join(h.said("assistant", "thinking")).split()) == 6
        assert b"signature" in body
    elif to == "gemini":
        assert b"thoughtSignature" in body
    else:
        assert b"encrypted_content" in body


@pytest.mark.parametrize("told", ["length", "content_filter"])
def test_why_it_ended(foreign, client, to, mode, told):
    if told == "content_filter" and to in ("ollama", "cohere"):
        pytest.skip("has no such end")
    if mode == "stream":
        last = list(
            client.responses.create(model=foreign.model(to, finish=told, tokens=3), input="x", store=False, stream=True)
        )[-1]
        assert last.type == "response.incomplete"
        r = last.response
    else:
        r = ask(client, mode, model=foreign.model(to, finish=told, tokens=3))
    assert r.status == "incomplete"
    assert r.incomplete_details.reason == {"length": "max_output_tokens"}.get(told, told)


# ---- errors --------------------------------------------------------------------------------


def test_state_that_is_kept_nowhere_is_refused(foreign, client, to):
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=foreign.model(to), input="x", previous_response_id="resp_1")
    assert e.value.param == "previous_response_id"
    assert foreign.mock.records() == []


def test_an_unknown_model(foreign, client):
    with pytest.raises(openai.NotFoundError) as e:
        client.responses.create(model="no-such", input="x")
    assert e.value.code == "model_not_found"


def test_what_the_provider_refuses(foreign, client, to):
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(
            model=foreign.model(to, status=400, error_message="that is too hot"), input="x", store=False
        )
    assert "that is too hot" in e.value.message


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model=foreign.model(to), input="x", store=False)
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n)
    r = client.with_options(max_retries=1).responses.create(
        model=foreign.model(to, tokens=3), input="x", store=False
    )
    assert r.output_text == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    """In this dialect an error in mid-stream is an event: response.failed, or error (which raises)."""
    got, kinds = "", []
    try:
        for e in client.responses.create(
            model=foreign.model(to, tokens=8, fail=fault), input="x", store=False, stream=True
        ):
            kinds.append(e.type)
            if e.type == "response.output_text.delta":
                got += e.delta
        assert kinds[-1] in ("response.failed", "error"), kinds
    except openai.APIError:
        pass
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert "response.completed" not in kinds and "response.incomplete" not in kinds


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    s = client.responses.create(
        model=foreign.model(to, tokens=1000, gap="10ms"), input="x", store=False, stream=True
    )
    for n, _ in enumerate(s):
        if n == 9:
            break
    s.close()
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])
