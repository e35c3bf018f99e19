"""The official OpenAI client for Python, as applications use it."""

import asyncio
import base64
import json
import time

import openai
import pydantic
import pytest

import weir
from weir import HELLO


def test_a_plain_answer(target, mock_a):
    r = target.client().chat.completions.create(model=target.model(tokens=7), messages=HELLO)
    assert r.choices[0].message.content == mock_a.text(7)
    assert r.choices[0].message.role == "assistant"
    assert r.choices[0].finish_reason == "stop"
    assert r.usage.completion_tokens == 7
    assert r.usage.total_tokens == r.usage.prompt_tokens + 7


def test_a_stream(target, mock_a):
    s = target.client().chat.completions.create(model=target.model(tokens=9), messages=HELLO, stream=True)
    chunks = list(s)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == mock_a.text(9)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.usage is None for c in chunks), "usage was not asked for"


def test_a_stream_with_usage(target, mock_a):
    s = target.client().chat.completions.create(
        model=target.model(tokens=5), messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(s)
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 5
    record = mock_a.record()
    assert chunks[-1].usage.prompt_tokens == record["prompt_tokens"]


def test_the_stream_helper(target, mock_a):
    with target.client().chat.completions.stream(model=target.model(tokens=6), messages=HELLO) as s:
        kinds = [e.type for e in s]
        final = s.get_final_completion()
    assert kinds.count("content.delta") >= 6
    assert final.choices[0].message.content == mock_a.text(6)


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "time",
            "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}},
        },
    },
]


def test_parallel_tool_calls(target):
    r = target.client().chat.completions.create(model=target.model(tools=2), messages=HELLO, tools=TOOLS)
    calls = r.choices[0].message.tool_calls
    assert r.choices[0].finish_reason == "tool_calls"
    assert [c.function.name for c in calls] == ["weather", "time"]
    assert set(json.loads(calls[0].function.arguments)) == {"city", "days"}
    assert json.loads(calls[1].function.arguments)["zone"] in ("UTC", "CET")
    assert calls[0].id != calls[1].id


def test_streamed_tool_calls_in_pieces(target):
    plain = target.client().chat.completions.create(
        model=target.model(tools=2, arg_bytes=3), messages=HELLO, tools=TOOLS
    )
    s = target.client().chat.completions.create(
        model=target.model(tools=2, arg_bytes=3), messages=HELLO, tools=TOOLS, stream=True
    )
    calls = {}
    pieces = 0
    for chunk in s:
        for d in chunk.choices[0].delta.tool_calls or []:
            c = calls.setdefault(d.index, {"id": None, "name": "", "arguments": ""})
            c["id"] = d.id or c["id"]
            c["name"] += d.function.name or ""
            c["arguments"] += d.function.arguments or ""
            pieces += 1
    wanted = plain.choices[0].message.tool_calls
    assert [calls[i]["name"] for i in sorted(calls)] == [c.function.name for c in wanted]
    assert [calls[i]["arguments"] for i in sorted(calls)] == [c.function.arguments for c in wanted]
    assert [calls[i]["id"] for i in sorted(calls)] == [c.id for c in wanted]
    assert pieces > 6


def test_a_tool_turn_and_back(target, mock_a):
    c = target.client()
    first = c.chat.completions.create(
        model=target.model(tokens=4), messages=HELLO, tools=TOOLS, tool_choice="required"
    )
    call = first.choices[0].message.tool_calls[0]
    second = c.chat.completions.create(
        model=target.model(tokens=4),
        tools=TOOLS,
        messages=[
            *HELLO,
            first.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ],
    )
    assert second.choices[0].message.content == mock_a.text(4)


class Step(pydantic.BaseModel):
    explanation: str
    result: float


class Solution(pydantic.BaseModel):
    steps: list[Step]
    answer: int
    sure: bool


def test_structured_output_with_the_parse_helper(target):
    r = target.client().chat.completions.parse(model=target.model(), messages=HELLO, response_format=Solution)
    parsed = r.choices[0].message.parsed
    assert isinstance(parsed, Solution)
    assert parsed.steps and parsed.steps[0].explanation


def test_structured_output_streamed(target):
    with target.client().chat.completions.stream(
        model=target.model(), messages=HELLO, response_format=Solution
    ) as s:
        for _ in s:
            pass
        assert isinstance(s.get_final_completion().choices[0].message.parsed, Solution)


def image(kind):
    data = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 200).decode()
    return data if kind == "data" else "https://images.example/a.png?x=1&y=%20"


@pytest.mark.parametrize("kind", ["data", "https"])
def test_images_go_in_as_they_are(target, mock_a, kind):
    url = image(kind)
    target.client().chat.completions.create(
        model=target.model(),
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
                ],
            }
        ],
    )
    assert f'"{url}"'.encode() in mock_a.record()["body"]


def test_completions(target, mock_a):
    c = target.client()
    r = c.completions.create(model=target.model(tokens=5), prompt="once")
    assert r.choices[0].text == mock_a.text(5)
    s = c.completions.create(model=target.model(tokens=5), prompt="once", stream=True)
    assert "".join(x.choices[0].text for x in s) == mock_a.text(5)


def test_embeddings(target):
    c = target.client()
    r = c.embeddings.create(model=target.model(), input=["a", "b"], dimensions=16)
    assert [len(e.embedding) for e in r.data] == [16, 16]
    f = c.embeddings.create(model=target.model(), input="a", dimensions=16, encoding_format="float")
    assert f.data[0].embedding == pytest.approx(r.data[0].embedding, abs=1e-6)


def test_many_choices_and_logprobs(target, mock_a):
    r = target.client().chat.completions.create(
        model=target.model(tokens=3), messages=HELLO, n=3, logprobs=True
    )
    assert [c.index for c in r.choices] == [0, 1, 2]
    assert len(r.choices[2].logprobs.content) == 3
    s = target.client().chat.completions.create(model=target.model(tokens=3), messages=HELLO, n=2, stream=True)
    texts = {0: "", 1: ""}
    for chunk in s:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == {0: mock_a.text(3), 1: mock_a.text(3)}


def test_a_raw_response_has_headers(target):
    r = target.client().chat.completions.with_raw_response.create(model=target.model(), messages=HELLO)
    assert r.headers["content-type"].startswith("application/json")
    assert r.headers["x-request-id"]


def test_leaving_a_stream_cancels_the_provider(target, mock_a):
    s = target.client().chat.completions.create(
        model=target.model(tokens=1000, gap="10ms"), messages=HELLO, stream=True
    )
    for n, _ in enumerate(s):
        if n == 5:
            break
    s.close()
    record = mock_a.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])


def test_the_client_timeout_cancels_a_plain_request(target, mock_a):
    with pytest.raises(openai.APITimeoutError):
        target.client(timeout=0.3).chat.completions.create(model=target.model(ttft="1s"), messages=HELLO)
    assert mock_a.record()["end"] == "cancelled"


def test_the_client_retries_what_may_be_retried(target, mock_a):
    """The gateway tries twice on its own, so two of its tries are one of the client's."""
    n = 1 if target.name == "mock" else 2
    mock_a.script({"status": 500, "times": n})
    r = target.client(max_retries=1).chat.completions.create(model=target.model(tokens=2), messages=HELLO)
    assert r.choices[0].message.content == mock_a.text(2)
    assert len(mock_a.records()) == n + 1


def test_a_hundred_at_once(target):
    """Each gets its own answer, whole, and nobody else's."""

    async def one(client, i):
        said = f"this is number {i} of them " * (1 + i % 7)
        messages = [{"role": "user", "content": said}]
        name = target.model(echo="on", gap="2ms")
        if i % 2:
            r = await client.chat.completions.create(model=name, messages=messages)
            return said, r.choices[0].message.content
        text = ""
        async for chunk in await client.chat.completions.create(model=name, messages=messages, stream=True):
            text += chunk.choices[0].delta.content or ""
        return said, text

    async def everybody():
        async with target.async_client() as client:
            return await asyncio.gather(*(one(client, i) for i in range(100)))

    for said, got in asyncio.run(everybody()):
        assert got == said


def test_time_to_first_token_is_the_providers(target):
    """Streams are passed on as they come, not gathered."""
    began = time.monotonic()
    s = target.client().chat.completions.create(
        model=target.model(tokens=10, ttft="100ms", gap="100ms"), messages=HELLO, stream=True
    )
    times = [time.monotonic() - began for c in s if c.choices and c.choices[0].delta.content]
    assert times[0] < 0.7
    assert times[-1] - times[0] > 0.7


def test_models(via, gw):
    c = via.client()
    names = [m.id for m in c.models.list()]
    assert {"plain", "two"} <= set(names)
    assert c.models.retrieve("two").id == "two"
    with pytest.raises(openai.NotFoundError):
        c.models.retrieve("none")


def test_models_of_the_mock(mock):
    c = openai.OpenAI(base_url=mock.base, api_key="x")
    assert [m.id for m in c.models.list()] == ["mock", "mock-mini"]


def test_the_openai_prefix_is_the_same(via, gw, mock_a):
    c = openai.OpenAI(base_url=gw.url + "/openai/v1", api_key=via.key)
    r = c.chat.completions.create(model=via.model(tokens=3), messages=HELLO)
    assert r.choices[0].message.content == mock_a.text(3)


# ---- errors ------------------------------------------------------------------------------


def test_an_unknown_model_is_named_with_a_suggestion(via):
    with pytest.raises(openai.NotFoundError) as e:
        via.client().chat.completions.create(model="plian", messages=HELLO)
    assert e.value.code == "model_not_found"
    assert e.value.param == "model"
    assert "plain" in e.value.message


def test_a_wrong_key_and_none(gw):
    with pytest.raises(openai.AuthenticationError) as e:
        openai.OpenAI(base_url=gw.base, api_key="sk-wrong").chat.completions.create(model="plain", messages=HELLO)
    assert e.value.code == "invalid_api_key"
    r = gw.http.post(gw.base + "/chat/completions", json={"model": "plain", "messages": HELLO})
    assert r.status_code == 401
    assert r.json()["error"]["code"] == "missing_api_key"


def test_a_key_may_be_limited_to_models(gw):
    from conftest import LIMITED_KEY

    c = openai.OpenAI(base_url=gw.base, api_key=LIMITED_KEY, max_retries=0)
    assert [m.id for m in c.models.list()] == ["allowed-one"]
    c.chat.completions.create(model="allowed-one", messages=HELLO)
    with pytest.raises(openai.PermissionDeniedError) as e:
        c.chat.completions.create(model="plain", messages=HELLO)
    assert e.value.code == "model_not_allowed"


def test_no_provider_left(via):
    with pytest.raises(openai.InternalServerError) as e:
        via.client().chat.completions.create(model="all-dead", messages=HELLO)
    assert e.value.status_code == 502
    assert e.value.code == "upstream_unreachable"


def test_a_silent_provider_is_a_timeout(via, mock_a):
    with pytest.raises(openai.InternalServerError) as e:
        via.client().chat.completions.create(model=via.model(fail="stall_head"), messages=HELLO)
    assert e.value.status_code == 504
    assert e.value.code == "upstream_timeout"
    assert all(r["end"] == "cancelled" for r in mock_a.records())


def test_a_rate_limit_of_the_provider(via, mock_a):
    mock_a.script({"status": 429, "retry_after": "7"})
    with pytest.raises(openai.RateLimitError) as e:
        via.client().chat.completions.create(model="rated-1", messages=HELLO)
    assert e.value.code == "upstream_rate_limited"
    assert e.value.response.headers["retry-after"] == "7"


def test_a_bad_request_keeps_the_providers_words(via, mock_a):
    with pytest.raises(openai.BadRequestError) as e:
        via.client().chat.completions.create(
            model=via.model(status=400, error_message="temperature is too hot", error_code="too_hot"),
            messages=HELLO,
        )
    assert "temperature is too hot" in e.value.message
    assert e.value.code == "too_hot"
    assert len(mock_a.records()) == 1


def test_the_providers_key_trouble_is_not_the_clients(via):
    with pytest.raises(openai.InternalServerError) as e:
        via.client().chat.completions.create(model=via.model(status=401), messages=HELLO)
    assert e.value.status_code == 502
    assert e.value.code == "upstream_auth"


def test_an_error_in_the_middle_of_a_stream_is_raised(target, mock_a):
    s = target.client().chat.completions.create(
        model=target.model(tokens=8, fail="error_mid"), messages=HELLO, stream=True
    )
    got = ""
    with pytest.raises(openai.APIError):
        for chunk in s:
            got += chunk.choices[0].delta.content or ""
    assert got and mock_a.text(8).startswith(got)


def test_the_mock_is_known_by_its_words():
    assert weir.model("m", a="b c") == "m?a=b+c"
