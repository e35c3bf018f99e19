"""AWS's official client for Python (boto3) against providers of every dialect, its requests signed."""

import json

import boto3
import botocore.config
import botocore.exceptions
import pytest

from foreign import ALL, AWS_ID, CLOCK, KEY, PNG, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = {
    "tools": [
        {"toolSpec": {"name": "weather", "description": "Weather ahead.", "inputSchema": {"json": WEATHER}}},
        {"toolSpec": {"name": "clock", "inputSchema": {"json": CLOCK}}},
    ]
}
HELLO = [{"role": "user", "content": [{"text": "hello"}]}]


def new_client(foreign, key_id=AWS_ID, secret=KEY, retries=1, base="", **kw):
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=foreign.url + base,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=botocore.config.Config(
            retries={"total_max_attempts": retries, "mode": "standard"}, read_timeout=20, proxies={}, **kw
        ),
    )


@pytest.fixture
def client(foreign, monkeypatch):
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    return new_client(foreign)


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture(params=["plain", "stream"])
def mode(request):
    return request.param


def together(stream):
    """What converse would have answered, of a stream's events in their order."""
    blocks, message = {}, {"content": []}
    role = stop = usage = None
    for event in stream:
        [(kind, e)] = event.items()
        if kind == "messageStart":
            assert role is None
            role = e["role"]
        elif kind == "contentBlockStart":
            blocks[e["contentBlockIndex"]] = {"toolUse": {**e["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            assert role and stop is None
            b = blocks.setdefault(e["contentBlockIndex"], {})
            [(what, d)] = e["delta"].items()
            if what == "text":
                b["text"] = b.get("text", "") + d
            elif what == "toolUse":
                b["toolUse"]["input"] += d["input"]
            elif what == "reasoningContent":
                r = b.setdefault("reasoningContent", {})
                if "redactedContent" in d:
                    r["redactedContent"] = d["redactedContent"]
                else:
                    t = r.setdefault("reasoningText", {"text": ""})
                    t["text"] += d.get("text", "")
                    if "signature" in d:
                        t["signature"] = d["signature"]
        elif kind == "messageStop":
            stop = e["stopReason"]
        elif kind == "metadata":
            assert stop is not None
            usage = e["usage"]
    for _, b in sorted(blocks.items()):
        if "toolUse" in b:
            b["toolUse"]["input"] = json.loads(b["toolUse"]["input"] or "{}")
        message["content"].append(b)
    message["role"] = role
    assert stop is not None
    return {"output": {"message": message}, "stopReason": stop, "usage": usage}


def ask(client, mode, **kw):
    if mode == "plain":
        return client.converse(**kw)
    return together(client.converse_stream(**kw)["stream"])


def message(r):
    return r["output"]["message"]


def text(r):
    return "".join(b["text"] for b in message(r)["content"] if "text" in b)


def uses(r):
    return [b["toolUse"] for b in message(r)["content"] if "toolUse" in b]


def thoughts(r):
    blocks = [b["reasoningContent"] for b in message(r)["content"] if "reasoningContent" in b]
    return [b["reasoningText"] for b in blocks if "reasoningText" in b]


def test_text_usage_and_the_end(foreign, client, to, mode):
    r = ask(client, mode, modelId=foreign.model(to, tokens=7), messages=HELLO)
    record = foreign.record()
    assert text(r) == record["text"] == foreign.mock.text(7)
    assert message(r)["role"] == "assistant" and r["stopReason"] == "end_turn"
    assert r["usage"]["inputTokens"] == prompt_tokens(to, record)
    assert r["usage"]["outputTokens"] == 7
    assert r["usage"]["totalTokens"] == r["usage"]["inputTokens"] + 7


def test_cached_tokens_are_beside_the_input(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama says nothing of caches")
    r = ask(client, mode, modelId=foreign.model(to, prompt_tokens=100, cached_tokens=60), messages=HELLO)
    assert r["usage"]["cacheReadInputTokens"] == 60
    assert r["usage"]["inputTokens"] == prompt_tokens(to, foreign.record()) - 60


def test_a_conversation_with_a_system_prompt(foreign, client, to, mode):
    last = 'What is my name? \u00e9\U0001f600 "quoted"\n'
    ask(
        client,
        mode,
        modelId=foreign.model(to),
        system=[{"text": "Be brief."}],
        messages=[
            {"role": "user", "content": [{"text": "My name is Ada."}]},
            {"role": "assistant", "content": [{"text": "Hello, Ada."}]},
            {"role": "user", "content": [{"text": last}]},
        ],
        inferenceConfig={"maxTokens": 200, "temperature": 0.5},
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", last]
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_two_calls_and_their_results(foreign, client, to, mode):
    messages = [{"role": "user", "content": [{"text": "Weather and time?"}]}]
    kw = {"messages": messages, "toolConfig": TOOLS}
    r = ask(client, mode, modelId=foreign.model(to, tools=2, interleave="on", arg_bytes=3), **kw)
    calls = [(u["name"], u["input"]) for u in uses(r)]
    calls_are_right(calls)
    assert r["stopReason"] == "tool_use"
    ids = [u["toolUseId"] for u in uses(r)]
    assert len(set(ids)) == 2
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    messages += [
        message(r),
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": ids[1], "content": [{"text": "it broke"}], "status": "error"}},
                {"toolResult": {"toolUseId": ids[0], "content": [{"json": {"sky": "clear", "celsius": 21}}]}},
            ],
        },
    ]
    r = ask(client, mode, modelId=foreign.model(to, tools=2, tokens=5), **kw)
    assert text(r) == foreign.mock.text(5) and r["stopReason"] == "end_turn"
    h = foreign.heard()
    assert h.calls() == calls
    assert h.order() == ["user", "assistant", "tool"]
    both = "|".join(h.results())
    assert "it broke" in both and "clear" in both and "21" in both


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")
    r = ask(client, mode, modelId=foreign.model(to), messages=HELLO, toolConfig={**TOOLS, "toolChoice": {"any": {}}})
    assert len(uses(r)) == 1 and r["stopReason"] == "tool_use"
    if to != "cohere":
        choice = {"tool": {"name": "clock"}}
        r = ask(client, mode, modelId=foreign.model(to), messages=HELLO, toolConfig={**TOOLS, "toolChoice": choice})
        assert [u["name"] for u in uses(r)] == ["clock"]


def test_an_image(foreign, client, to, mode):
    content = [{"image": {"format": "png", "source": {"bytes": PNG}}}, {"text": "What is this?"}]
    ask(client, mode, modelId=foreign.model(to), messages=[{"role": "user", "content": content}])
    h = foreign.heard()
    [(kind, data)] = h.said("user", "image")
    assert data == PNG_64 and kind in ("image/png", "")
    assert h.said("user") == ["What is this?"]


def test_structured_output(foreign, client, to, mode):
    form = {"type": "json_schema", "structure": {"jsonSchema": {"name": "steps", "schema": json.dumps(STEPS)}}}
    r = ask(client, mode, modelId=foreign.model(to), messages=HELLO, outputConfig={"textFormat": form})
    assert is_steps(json.loads(text(r)))
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2048}}


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama", "responses"])
def test_reasoning_is_shown(foreign, client, to, mode):
    r = ask(
        client,
        mode,
        modelId=foreign.model(to, reasoning=6, tokens=4),
        messages=HELLO,
        additionalModelRequestFields=THINKING,
        inferenceConfig={"maxTokens": 4000},
    )
    assert len(" ".join(t["text"] for t in thoughts(r)).split()) == 6
    assert text(r) == foreign.mock.text(4)
    assert r["usage"]["outputTokens"] == 10


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "responses"])
def test_signatures_go_back_to_who_issued_them(foreign, client, to, mode):
    """The simulated providers refuse thinking without its signature, and with another's."""
    messages = list(HELLO)
    kw = {
        "messages": messages,
        "toolConfig": TOOLS,
        "additionalModelRequestFields": THINKING,
        "inferenceConfig": {"maxTokens": 4000},
    }
    r = ask(client, mode, modelId=foreign.model(to, tools=2, reasoning=6), **kw)
    assert thoughts(r)[0]["text"]
    results = [{"toolResult": {"toolUseId": u["toolUseId"], "content": [{"text": "fine"}]}} for u in uses(r)]
    messages += [message(r), {"role": "user", "content": results}]
    r2 = ask(client, mode, modelId=foreign.model(to, tokens=5, reasoning=6), **kw)
    assert text(r2) == foreign.mock.text(5)
    h = foreign.heard()
    body = foreign.last()["body"]
    assert len(h.calls()) == 2
    if to in ("anthropic", "bedrock"):
        assert h.said("assistant", "thinking") == [t["text"] for t in thoughts(r)]
        assert b"signature" in body
    elif to == "gemini":
        assert b"thoughtSignature" in body
    else:
        assert b"encrypted_content" in body


@pytest.mark.parametrize(
    "told,said",
    [("length", "max_tokens"), ("content_filter", ("content_filtered", "guardrail_intervened")), ("stop", "end_turn")],
)
def test_why_it_ended(foreign, client, to, mode, told, said):
    if told == "content_filter" and to in ("ollama", "cohere"):
        pytest.skip("has no such end")
    r = ask(client, mode, modelId=foreign.model(to, finish=told, tokens=3), messages=HELLO)
    assert r["stopReason"] in said


def test_a_stop_sequence(foreign, client, to, mode):
    if to == "responses":
        pytest.skip("Responses has no stop sequences")
    r = ask(
        client,
        mode,
        modelId=foreign.model(to, text="one two STOP three"),
        messages=HELLO,
        inferenceConfig={"stopSequences": ["STOP"]},
    )
    assert text(r).rstrip() == "one two"
    assert r["stopReason"] == ("stop_sequence" if to in ("anthropic", "bedrock", "cohere") else "end_turn")
    assert foreign.heard().stop == ["STOP"]


def test_counting_tokens(foreign, client):
    for to in ("bedrock", "anthropic", "gemini"):
        r = client.count_tokens(
            modelId=foreign.model(to, prompt_tokens=123), input={"converse": {"messages": HELLO, "system": [{"text": "x"}]}}
        )
        assert r["inputTokens"] == 123, to


# ---- errors --------------------------------------------------------------------------------


def test_a_wrong_secret_is_refused(foreign):
    for key_id, secret in ((AWS_ID, "sk-not-the-secret"), ("AKIANOBODY", KEY)):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            new_client(foreign, key_id, secret).converse(modelId=foreign.plain("openai"), messages=HELLO)
        assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)
        with pytest.raises(botocore.exceptions.ClientError):
            new_client(foreign, key_id, secret).converse_stream(modelId=foreign.plain("openai"), messages=HELLO)
    assert foreign.mock.records() == []


def test_the_key_as_a_bearer_token(foreign):
    """The client itself sends it over https only."""
    r = foreign.gw.http.post(
        f"{foreign.url}/model/gemini-model/converse", json={"messages": HELLO}, headers={"authorization": "Bearer " + KEY}
    )
    assert text(r.json()) == foreign.record()["text"]


def test_below_the_prefix_it_is_the_same(foreign, client):
    r = new_client(foreign, base="/bedrock").converse(modelId=foreign.model("gemini", tokens=3), messages=HELLO)
    assert text(r) == foreign.mock.text(3)


def test_names_that_must_be_escaped_are_signed_right(foreign, client):
    name = foreign.model("openai", text="a b+c/d%41 \u00e9?")
    assert text(client.converse(modelId=name, messages=HELLO)) == "a b+c/d%41 \u00e9?"


def test_an_unknown_model(foreign, client):
    with pytest.raises(client.exceptions.ResourceNotFoundException) as e:
        client.converse(modelId="no-such", messages=HELLO)
    assert "no-such" in e.value.response["Error"]["Message"]


def test_what_the_provider_refuses(foreign, client, to):
    name = foreign.model(to, status=400, error_message="that is too hot")
    with pytest.raises(client.exceptions.ValidationException) as e:
        client.converse(modelId=name, messages=HELLO)
    assert "that is too hot" in e.value.response["Error"]["Message"]
    with pytest.raises(client.exceptions.ValidationException):
        client.converse_stream(modelId=name, messages=HELLO)


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId=foreign.model(to), messages=HELLO)
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n)
    r = new_client(foreign, retries=2).converse(modelId=foreign.model(to, tokens=3), messages=HELLO)
    assert text(r) == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    got, kinds = "", []
    with pytest.raises(botocore.exceptions.EventStreamError):
        for event in client.converse_stream(modelId=foreign.model(to, tokens=8, fail=fault), messages=HELLO)["stream"]:
            kinds += event
            got += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert "messageStop" not in kinds


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    s = client.converse_stream(modelId=foreign.model(to, tokens=1000, gap="10ms"), messages=HELLO)["stream"]
    for n, _ in enumerate(s):
        if n == 5:
            break
    s.close()
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])
