"""The simulator in every dialect, over plain HTTP: what it answers is what its record says, streamed
or not, however the bytes come; and what the provider would refuse is refused."""

import hashlib
import hmac
import json
import struct
import zlib

import pytest

BEARER = {"authorization": "Bearer k"}


def events(body):
    """The data of an event stream's events."""
    found = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].lstrip(" ") for line in block.split("\n") if line.startswith("data:")]
        if data and data != ["[DONE]"]:
            found.append(json.loads("\n".join(data)))
    return found


def frames(body):
    """AWS event stream frames as (name, payload); both checksums must be right."""
    found = []
    while body:
        total, size, crc = struct.unpack(">III", body[:12])
        assert crc == zlib.crc32(body[:8])
        assert zlib.crc32(body[: total - 4]) == struct.unpack(">I", body[total - 4 : total])[0]
        headers, at = {}, 12
        while at < 12 + size:
            n = body[at]
            name = body[at + 1 : at + 1 + n].decode()
            assert body[at + 1 + n] == 7
            length = struct.unpack(">H", body[at + 2 + n : at + 4 + n])[0]
            headers[name] = body[at + 4 + n : at + 4 + n + length].decode()
            at += 4 + n + length
        assert headers[":content-type"] == "application/json"
        name = headers.get(":event-type") or headers[":exception-type"]
        found.append((name, json.loads(body[12 + size : total - 4])))
        body = body[total:]
    return found


def lines(body):
    return [json.loads(line) for line in body.splitlines() if line.strip()]


class Chat:
    """A dialect: its request, and the text, reasoning and calls of its answers."""

    def __init__(self, path, stream_path, headers, body, plain, streamed):
        self.path, self.stream_path, self.headers = path, stream_path, headers
        self.body, self.plain, self.streamed = body, plain, streamed

    def ask(self, mock, text, stream):
        body = self.body(text)
        if stream and self.stream_path == self.path:
            body["stream"] = True
        elif self.path == "/api/chat":
            body["stream"] = False
        path = self.stream_path if stream else self.path
        return mock.http.post(mock.url + path, json=body, headers=self.headers)

    def said(self, r, stream):
        """[text, reasoning, [(name, arguments)], input tokens, output tokens]"""
        return self.streamed(r.content) if stream else self.plain(r.json())


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]


def openai_plain(a):
    m = a["choices"][0]["message"]
    calls = [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in m.get("tool_calls", [])]
    return [m["content"] or "", m.get("reasoning_content", ""), calls, a["usage"]["prompt_tokens"], a["usage"]["completion_tokens"]]


def openai_streamed(body):
    text, thought, calls, usage = "", "", {}, None
    for e in events(body):
        usage = e.get("usage") or usage
        for c in e["choices"]:
            text += c["delta"].get("content") or ""
            thought += c["delta"].get("reasoning_content") or ""
            for t in c["delta"].get("tool_calls", []):
                name, arguments = calls.get(t["index"], ("", ""))
                f = t["function"]
                calls[t["index"]] = (name + f.get("name", ""), arguments + f["arguments"])
    return [text, thought, [(n, json.loads(a)) for n, a in calls.values()], usage["prompt_tokens"], usage["completion_tokens"]]


def responses_plain(a):
    text = "".join(p["text"] for i in a["output"] if i["type"] == "message" for p in i["content"])
    thought = "".join(s["text"] for i in a["output"] if i["type"] == "reasoning" for s in i["summary"])
    calls = [(i["name"], json.loads(i["arguments"])) for i in a["output"] if i["type"] == "function_call"]
    return [text, thought, calls, a["usage"]["input_tokens"], a["usage"]["output_tokens"]]


def responses_streamed(body):
    found = events(body)
    assert [e["sequence_number"] for e in found] == list(range(len(found)))
    by_type = {}
    for e in found:
        by_type.setdefault(e["type"], []).append(e)

    def joined(kind):
        return "".join(e["delta"] for e in by_type.get(kind, []))

    whole = responses_plain(by_type["response.completed"][0]["response"])
    arguments = {}
    for e in by_type.get("response.function_call_arguments.delta", []):
        arguments[e["item_id"]] = arguments.get(e["item_id"], "") + e["delta"]
    assert [json.loads(a) for a in arguments.values()] == [a for _, a in whole[2]]
    assert joined("response.reasoning_summary_text.delta") == whole[1]
    assert joined("response.output_text.delta") == whole[0]
    return whole


def anthropic_read(blocks, usage):
    text = "".join(b["text"] for b in blocks if b["type"] == "text")
    thought = "".join(b["thinking"] for b in blocks if b["type"] == "thinking")
    calls = [(b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    return [text, thought, calls, usage["input_tokens"], usage["output_tokens"]]


def anthropic_streamed(body):
    blocks, usage = [], None
    for e in events(body):
        if e["type"] == "content_block_start":
            assert e["index"] == len(blocks)
            blocks.append({**e["content_block"], "json": ""})
        elif e["type"] == "content_block_delta":
            b, d = blocks[e["index"]], e["delta"]
            for kind, member in (("text_delta", "text"), ("thinking_delta", "thinking"), ("signature_delta", "signature")):
                if d["type"] == kind:
                    b[member] += d[member]
            b["json"] += d.get("partial_json", "")
        elif e["type"] == "message_delta":
            usage = e["usage"]
    for b in blocks:
        if b["type"] == "tool_use":
            b["input"] = json.loads(b["json"] or "{}")
    return anthropic_read(blocks, usage)


def gemini_read(answers):
    parts = [p for a in answers for p in a["candidates"][0]["content"]["parts"]]
    text = "".join(p.get("text", "") for p in parts if not p.get("thought"))
    thought = "".join(p["text"] for p in parts if p.get("thought"))
    calls = [(p["functionCall"]["name"], p["functionCall"]["args"]) for p in parts if "functionCall" in p]
    u = answers[-1]["usageMetadata"]
    return [text, thought, calls, u["promptTokenCount"], u["candidatesTokenCount"] + u.get("thoughtsTokenCount", 0)]


def bedrock_read(blocks, usage):
    text = "".join(b.get("text", "") for b in blocks)
    thought = "".join(b["reasoningContent"]["reasoningText"]["text"] for b in blocks if "reasoningContent" in b)
    calls = [(b["toolUse"]["name"], b["toolUse"]["input"]) for b in blocks if "toolUse" in b]
    return [text, thought, calls, usage["inputTokens"], usage["outputTokens"]]


def bedrock_streamed(body):
    blocks, usage = {}, None
    for name, e in frames(body):
        i = e.get("contentBlockIndex")
        if name == "contentBlockStart":
            blocks[i] = {"toolUse": {**e["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            d = e["delta"]
            if "text" in d:
                blocks.setdefault(i, {"text": ""})["text"] += d["text"]
            elif "toolUse" in d:
                blocks[i]["toolUse"]["input"] += d["toolUse"]["input"]
            else:
                empty = {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}}
                r = blocks.setdefault(i, empty)["reasoningContent"]["reasoningText"]
                for k, v in d["reasoningContent"].items():
                    r[k] += v
        elif name == "metadata":
            usage = e["usage"]
    for b in blocks.values():
        if "toolUse" in b:
            b["toolUse"]["input"] = json.loads(b["toolUse"]["input"] or "{}")
    return bedrock_read(list(blocks.values()), usage)


def cohere_plain(a):
    m = a["message"]
    text = "".join(c.get("text", "") for c in m.get("content", [])) + m.get("tool_plan", "")
    thought = "".join(c.get("thinking", "") for c in m.get("content", []))
    calls = [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in m.get("tool_calls", [])]
    u = a["usage"]["billed_units"]
    return [text, thought, calls, u["input_tokens"], u["output_tokens"]]


def cohere_streamed(body):
    text, thought, calls, usage = "", "", [], None
    for e in events(body):
        m = e.get("delta", {}).get("message", {})
        if e["type"] == "content-delta":
            text += m["content"].get("text", "")
            thought += m["content"].get("thinking", "")
        elif e["type"] == "tool-plan-delta":
            text += m["tool_plan"]
        elif e["type"] == "tool-call-start":
            calls.append([m["tool_calls"]["function"]["name"], ""])
        elif e["type"] == "tool-call-delta":
            calls[e["index"]][1] += m["tool_calls"]["function"]["arguments"]
        elif e["type"] == "message-end":
            usage = e["delta"]["usage"]["billed_units"]
    return [text, thought, [(n, json.loads(a)) for n, a in calls], usage["input_tokens"], usage["output_tokens"]]


def ollama_read(answers):
    messages = [a["message"] for a in answers]
    calls = [(c["function"]["name"], c["function"]["arguments"]) for m in messages for c in m.get("tool_calls", [])]
    last = answers[-1]
    assert last["done"] and not any(a["done"] for a in answers[:-1])
    text = "".join(m["content"] for m in messages)
    return [text, "".join(m.get("thinking", "") for m in messages), calls, last["prompt_eval_count"], last["eval_count"]]


def user(text):
    return [{"role": "user", "content": text}]


GEMINI = "/v1beta/models/m:"
BEDROCK = "/model/us.model-v1%3A0/"


def gemini_body(text):
    return {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "tools": [{"functionDeclarations": [FUNCTION]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    }


CHATS = {
    "openai": Chat(
        "/v1/chat/completions",
        "/v1/chat/completions",
        BEARER,
        lambda t: {"model": "m?usage=always", "messages": user(t), "tools": TOOLS},
        openai_plain,
        openai_streamed,
    ),
    "responses": Chat(
        "/v1/responses",
        "/v1/responses",
        BEARER,
        lambda t: {"model": "m", "input": t, "tools": [{"type": "function", **FUNCTION}], "reasoning": {"summary": "auto"}},
        responses_plain,
        responses_streamed,
    ),
    "anthropic": Chat(
        "/v1/messages",
        "/v1/messages",
        {"x-api-key": "k", "anthropic-version": "2023-06-01"},
        lambda t: {"model": "m", "max_tokens": 99, "messages": user(t), "tools": [{"name": "f", "input_schema": SCHEMA}]},
        lambda a: anthropic_read(a["content"], a["usage"]),
        anthropic_streamed,
    ),
    "gemini": Chat(
        GEMINI + "generateContent",
        GEMINI + "streamGenerateContent?alt=sse",
        {"x-goog-api-key": "k"},
        gemini_body,
        lambda a: gemini_read([a]),
        lambda b: gemini_read(events(b)),
    ),
    "gemini-array": Chat(
        GEMINI + "generateContent",
        GEMINI + "streamGenerateContent",
        {"x-goog-api-key": "k"},
        gemini_body,
        lambda a: gemini_read([a]),
        lambda b: gemini_read(json.loads(b)),
    ),
    "bedrock": Chat(
        BEDROCK + "converse",
        BEDROCK + "converse-stream",
        BEARER,
        lambda t: {
            "messages": [{"role": "user", "content": [{"text": t}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA}}}]},
        },
        lambda a: bedrock_read(a["output"]["message"]["content"], a["usage"]),
        bedrock_streamed,
    ),
    "cohere": Chat(
        "/v2/chat",
        "/v2/chat",
        BEARER,
        lambda t: {"model": "m", "messages": user(t), "tools": TOOLS},
        cohere_plain,
        cohere_streamed,
    ),
    "ollama": Chat(
        "/api/chat",
        "/api/chat",
        {},
        lambda t: {"model": "m", "messages": user(t), "tools": TOOLS},
        lambda a: ollama_read([a]),
        lambda b: ollama_read(lines(b)),
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("look", ["", "split=9", "batch=3 eol=crlf comments=2", "words=4 arg-bytes=3"])
def test_what_is_said_is_what_the_record_says(mock, name, stream, look):
    chat = CHATS[name]
    r = chat.ask(mock, f'mock: reasoning=3 tools=2 text="one \\"two\\" drei é" prompt-tokens=40 {look}', stream)
    assert r.status_code == 200, r.text
    text, thought, calls, used, made = chat.said(r, stream)
    record = mock.record()
    assert text == record["text"] == 'one "two" drei é'
    assert len(thought.split()) == 3
    assert [n for n, _ in calls] == ["f", "f"] and all(list(a) == ["city"] for _, a in calls)
    assert (used, made) == (record["prompt_tokens"], record["completion_tokens"]) and used == 40
    assert (record["end"], record["text_sent"]) == ("complete", len(text.encode()))
    assert record["usage_sent"] and record["finish_sent"] and record["content_sent"]
    assert record["stream"] is stream and json.loads(record["body"])


@pytest.mark.parametrize("name", CHATS)
def test_an_error_has_its_own_status_and_form(mock, name):
    for stream in (False, True):
        r = CHATS[name].ask(mock, 'mock: status=429 error-message="too fast" retry-after=7', stream)
        assert (r.status_code, r.headers["retry-after"]) == (429, "7")
        assert "too fast" in json.dumps(r.json())
        mock.reset()


@pytest.mark.parametrize("name", CHATS)
def test_what_was_said_wrongly_is_refused(mock, name):
    chat = CHATS[name]
    body = chat.body("hi")
    body["contents" if "contents" in body else "input" if "input" in body else "messages"] = [{"role": "nobody", "content": "x"}]
    r = mock.http.post(mock.url + chat.path, json=body, headers=chat.headers)
    assert r.status_code == 400, r.text
    assert mock.record()["status"] == 400


def signed(host, path, body, secret):
    """The headers of a request signed as AWS's documents say."""

    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    date, scope = "20261120T120000Z", "20261120/us-east-1/bedrock/aws4_request"
    canonical = "\n".join(
        [
            "POST",
            path.replace("%", "%25"),
            "",
            f"host:{host}",
            f"x-amz-date:{date}",
            "",
            "host;x-amz-date",
            hashlib.sha256(body).hexdigest(),
        ]
    )
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = mac(key, part)
    found = f"AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders=host;x-amz-date, Signature={mac(key, text).hex()}"
    return {"x-amz-date": date, "authorization": found, "content-type": "application/json"}


def test_a_signature_is_checked_when_the_key_is_known(mock):
    host, path = mock.url.split("//")[1], BEDROCK + "converse"
    body = json.dumps(CHATS["bedrock"].body("hi")).encode()
    mock.options("aws-key=AKID:secret/key")
    try:
        for secret, status in (("secret/key", 200), ("other", 403)):
            r = mock.http.post(mock.url + path, content=body, headers=signed(host, path, body, secret))
            assert r.status_code == status, r.text
    finally:
        mock.options("aws-key=")


def test_each_provider_answers(mock):
    names = mock.http.get(mock.url + "/mock/providers").json()
    assert {"groq", "mistral", "azure", "openrouter"} <= set(names)
    for name in names:
        body = {"model": "m", "messages": user(f"mock: as={name} text=yes"), "stream": True}
        r = mock.http.post(mock.base + "/chat/completions", json=body, headers=BEARER)
        assert r.status_code == 200, (name, r.text)
        assert "yes" in r.text
