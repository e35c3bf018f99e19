"""One simulated provider of each dialect, and one gateway that any client may come to.

`heard` tells what a provider was asked in words that are the same for all of them, so that a
test can say what must arrive without saying where.  It knows the wire forms from the vendors'
documents, and nothing of the gateway's.
"""

import base64
import json
import struct
import urllib.parse
import zlib

import pytest

import weir

KEY = "sk-client-0123456789abcdef"
AWS_ID = "AKIAWEIRCLIENT00"
UPSTREAM = "sk-upstream-fedcba9876543210"
AWS_UPSTREAM_ID = "AKIAWEIRUPSTREAM"

# dialect: (what follows the mock's address, a model's name that its provider would know)
DIALECTS = {
    "openai": ("/v1", "gpt-4.1"),
    "responses": ("/v1", "gpt-5.1"),
    "anthropic": ("/v1", "claude-opus-4-6"),
    "gemini": ("/v1beta", "gemini-2.5-flash"),
    "bedrock": ("", "anthropic.claude-opus-4-6-v1:0"),
    "cohere": ("", "command-a-03-2025"),
    "ollama": ("", "llama3.2"),
}
ALL = list(DIALECTS)

CONFIG = """
listen: 127.0.0.1:0
workers: 1
log: {{format: logfmt, level: info}}
keys:
  - {{name: app, key: {key}, access_key_id: {aws_id}}}
timeouts: {{connect: 1s, first_content: 3s, stall: 2s, total: 20s}}
retries: {{attempts: 2, backoff: 20ms, backoff_max: 50ms, retry_after_max: 2s}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
{providers}
models:
{models}
"""


def provider(dialect, url):
    """The line of the config for one of them."""
    path, _ = DIALECTS[dialect]
    key = f"api_key: {UPSTREAM}"
    if dialect == "bedrock":
        key = f"access_key_id: {AWS_UPSTREAM_ID}, secret_access_key: {UPSTREAM}, region: us-east-1"
    return f'  to-{dialect}: {{dialect: {dialect}, base_url: "{url}{path}", {key}}}'


class Foreign:
    """The gateway, and the mock behind all of its providers."""

    def __init__(self, gw, mock):
        self.gw, self.mock, self.url, self.key = gw, mock, gw.url, KEY

    def model(self, to, **options):
        """A model of that provider; the options tell the mock how to answer."""
        return weir.model(f"to-{to}/{DIALECTS[to][1]}", **options)

    def plain(self, to):
        """A name without anything in it that a client would not take in a path."""
        return f"{to}-model"

    def record(self):
        return self.mock.record()

    def last(self):
        """The last request that has ended, when there were several."""
        weir.wait_for(lambda: all(r["end"] != "open" for r in self.mock.records()))
        return self.mock.records()[-1]

    def heard(self):
        """What the last request said."""
        return heard(self.last())


@pytest.fixture(scope="session")
def foreign_programs(tmp_path_factory):
    mock = weir.Mock("--key", UPSTREAM, "--aws-key", f"{AWS_UPSTREAM_ID}:{UPSTREAM}")
    config = CONFIG.format(
        key=KEY,
        aws_id=AWS_ID,
        providers="\n".join(provider(d, mock.url) for d in ALL),
        models="\n".join(f"  {d}-model: to-{d}/{DIALECTS[d][1]}" for d in ALL),
    )
    gw = weir.Gateway(tmp_path_factory.mktemp("foreign"), config)
    gw.auth = {"authorization": "Bearer " + KEY}
    yield gw, mock
    try:
        gw.stop()
        mock.stop()
    finally:
        gw.kill()
        mock.kill()


@pytest.fixture
def foreign(foreign_programs):
    gw, mock = foreign_programs
    mock.reset()
    gw.mark()
    yield Foreign(gw, mock)
    gw.check()
    mock.check()


# ---- what a provider was told --------------------------------------------------------------


class Heard:
    """turns: (who, what, value): who is system, user, assistant or tool; what is text, image,
    thinking, call (value: name and arguments) or result (value: its text)."""

    def __init__(self):
        self.turns = []
        self.tools = {}  # name: schema
        self.limit = None
        self.stop = []
        self.schema = None
        self.choice = None

    def add(self, who, what, value):
        self.turns.append((who, what, value))

    def said(self, who, what="text"):
        return [v for w, k, v in self.turns if (w, k) == (who, what)]

    def text(self, who):
        return "\n".join(self.said(who))

    def calls(self):
        return self.said("assistant", "call")

    def results(self):
        return self.said("tool", "result")

    def order(self):
        """Who spoke, turn for turn, without repetition and without the system."""
        who = [w for w, _, _ in self.turns if w != "system"]
        return [w for i, w in enumerate(who) if i == 0 or who[i - 1] != w]


def words(content):
    """The text of a content that is a text or a list of parts with one."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(p.get("text") or "" for p in content)


def data_url(url):
    head, _, data = url.partition(",")
    return (head.removeprefix("data:").removesuffix(";base64"), data)


def heard_openai(b, h):
    for m in b["messages"]:
        who = {"developer": "system"}.get(m["role"], m["role"])
        if who == "tool":
            h.add("tool", "result", words(m["content"]))
            continue
        if m.get("reasoning_content"):
            h.add(who, "thinking", m["reasoning_content"])
        content = m.get("content")
        for p in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
            if p["type"] == "text":
                h.add(who, "text", p["text"])
            elif p["type"] == "image_url":
                h.add(who, "image", data_url(p["image_url"]["url"]))
        for c in m.get("tool_calls") or []:
            h.add(who, "call", (c["function"]["name"], json.loads(c["function"]["arguments"])))
    for t in b.get("tools") or []:
        h.tools[t["function"]["name"]] = t["function"].get("parameters")
    h.limit = b.get("max_completion_tokens") or b.get("max_tokens")
    stop = b.get("stop") or []
    h.stop = [stop] if isinstance(stop, str) else stop
    h.schema = (b.get("response_format") or {}).get("json_schema", {}).get("schema")
    h.choice = b.get("tool_choice")


def heard_responses(b, h):
    if b.get("instructions"):
        h.add("system", "text", b["instructions"])
    items = b["input"]
    for i in [{"role": "user", "content": items}] if isinstance(items, str) else items:
        kind = i.get("type", "message")
        if kind == "message":
            who = {"developer": "system"}.get(i["role"], i["role"])
            content = i["content"]
            for p in [{"type": "input_text", "text": content}] if isinstance(content, str) else content:
                if p["type"] in ("input_text", "output_text"):
                    h.add(who, "text", p["text"])
                elif p["type"] == "input_image":
                    h.add(who, "image", data_url(p["image_url"]))
        elif kind == "function_call":
            h.add("assistant", "call", (i["name"], json.loads(i["arguments"])))
        elif kind == "function_call_output":
            h.add("tool", "result", words(i["output"]))
        elif kind == "reasoning":
            h.add("assistant", "thinking", i.get("encrypted_content") or words(i.get("summary")))
    for t in b.get("tools") or []:
        h.tools[t["name"]] = t.get("parameters")
    h.limit = b.get("max_output_tokens")
    h.schema = (b.get("text") or {}).get("format", {}).get("schema")
    h.choice = b.get("tool_choice")


def heard_anthropic(b, h):
    if b.get("system"):
        h.add("system", "text", words(b["system"]))
    for m in b["messages"]:
        who, content = m["role"], m["content"]
        for p in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if p["type"] == "text":
                h.add(who, "text", p["text"])
            elif p["type"] == "image":
                s = p["source"]
                h.add(who, "image", (s["media_type"], s["data"]) if s["type"] == "base64" else ("", s["url"]))
            elif p["type"] == "thinking":
                h.add(who, "thinking", p["thinking"])
            elif p["type"] == "tool_use":
                h.add(who, "call", (p["name"], p["input"]))
            elif p["type"] == "tool_result":
                h.add("tool", "result", words(p.get("content")))
    for t in b.get("tools") or []:
        h.tools[t["name"]] = t.get("input_schema")
    h.limit = b.get("max_tokens")
    h.stop = b.get("stop_sequences") or []
    h.schema = (b.get("output_config") or {}).get("format", {}).get("schema")
    h.choice = b.get("tool_choice")


def heard_gemini(b, h):
    if b.get("systemInstruction"):
        h.add("system", "text", words(b["systemInstruction"]["parts"]))
    for m in b["contents"]:
        who = {"model": "assistant"}.get(m.get("role", "user"), m.get("role", "user"))
        for p in m["parts"]:
            if "functionCall" in p:
                h.add(who, "call", (p["functionCall"]["name"], p["functionCall"].get("args") or {}))
            elif "functionResponse" in p:
                h.add("tool", "result", json.dumps(p["functionResponse"]["response"]))
            elif "inlineData" in p:
                d = p["inlineData"]  # proto JSON: either spelling, either alphabet
                data = d["data"].replace("-", "+").replace("_", "/")
                h.add(who, "image", (d.get("mimeType") or d.get("mime_type"), data))
            elif p.get("thought"):
                h.add(who, "thinking", p["text"])
            elif "text" in p:
                h.add(who, "text", p["text"])
    for t in b.get("tools") or []:
        for f in t.get("functionDeclarations") or []:
            h.tools[f["name"]] = f.get("parametersJsonSchema") or f.get("parameters_json_schema") or f.get("parameters")
    config = b.get("generationConfig") or {}
    h.limit = config.get("maxOutputTokens")
    h.stop = config.get("stopSequences") or []
    h.schema = config.get("responseJsonSchema") or config.get("responseSchema")
    h.choice = (b.get("toolConfig") or {}).get("functionCallingConfig")


def heard_bedrock(b, h):
    for s in b.get("system") or []:
        if "text" in s:
            h.add("system", "text", s["text"])
    for m in b["messages"]:
        who = m["role"]
        for p in m["content"]:
            if "text" in p:
                h.add(who, "text", p["text"])
            elif "image" in p:
                h.add(who, "image", ("image/" + p["image"]["format"], p["image"]["source"]["bytes"]))
            elif "reasoningContent" in p:
                h.add(who, "thinking", p["reasoningContent"].get("reasoningText", {}).get("text"))
            elif "toolUse" in p:
                h.add(who, "call", (p["toolUse"]["name"], p["toolUse"]["input"]))
            elif "toolResult" in p:
                parts = p["toolResult"]["content"]
                h.add("tool", "result", "".join(r["text"] if "text" in r else json.dumps(r.get("json")) for r in parts))
    for t in (b.get("toolConfig") or {}).get("tools") or []:
        if "toolSpec" in t:
            h.tools[t["toolSpec"]["name"]] = t["toolSpec"]["inputSchema"]["json"]
    config = b.get("inferenceConfig") or {}
    h.limit = config.get("maxTokens")
    h.stop = config.get("stopSequences") or []
    form = (b.get("outputConfig") or {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    h.schema = json.loads(form) if form else None
    h.choice = (b.get("toolConfig") or {}).get("toolChoice")


def heard_cohere(b, h):
    for m in b["messages"]:
        who, content = m["role"], m.get("content")
        if who == "tool":
            parts = [content] if isinstance(content, str) else content
            h.add("tool", "result", "".join(p if isinstance(p, str) else p.get("text") or json.dumps(p) for p in parts))
            continue
        for p in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
            if p["type"] == "text":
                h.add(who, "text", p["text"])
            elif p["type"] == "thinking":
                h.add(who, "thinking", p["thinking"])
            elif p["type"] == "image_url":
                h.add(who, "image", data_url(p["image_url"]["url"]))
        for c in m.get("tool_calls") or []:
            h.add(who, "call", (c["function"]["name"], json.loads(c["function"]["arguments"])))
    for t in b.get("tools") or []:
        h.tools[t["function"]["name"]] = t["function"].get("parameters")
    h.limit = b.get("max_tokens")
    h.stop = b.get("stop_sequences") or []
    form = b.get("response_format") or {}
    h.schema = form.get("json_schema") or form.get("schema")
    h.choice = b.get("tool_choice")


def heard_ollama(b, h):
    for m in b["messages"]:
        who = m["role"]
        if who == "tool":
            h.add("tool", "result", m["content"])
            continue
        if m.get("thinking"):
            h.add(who, "thinking", m["thinking"])
        if m.get("content"):
            h.add(who, "text", m["content"])
        for i in m.get("images") or []:
            h.add(who, "image", ("", i))
        for c in m.get("tool_calls") or []:
            h.add(who, "call", (c["function"]["name"], c["function"]["arguments"]))
    for t in b.get("tools") or []:
        h.tools[t["function"]["name"]] = t["function"].get("parameters")
    options = b.get("options") or {}
    h.limit = options.get("num_predict")
    h.stop = options.get("stop") or []
    h.schema = b.get("format") if isinstance(b.get("format"), dict) else None


READERS = [
    ("/chat/completions", heard_openai),
    ("/responses", heard_responses),
    ("/messages", heard_anthropic),
    ("/count_tokens", heard_anthropic),
    ("enerateContent", heard_gemini),
    ("/converse", heard_bedrock),
    ("/converse-stream", heard_bedrock),
    ("/v2/chat", heard_cohere),
    ("/api/chat", heard_ollama),
]


def heard(record):
    h = Heard()
    path = urllib.parse.urlsplit(record["path"]).path
    for end, read in READERS:
        if path.endswith(end):
            read(json.loads(record["body"]), h)
            return h
    raise AssertionError(f"no dialect has the path {path}")


# ---- what the clients have in common -------------------------------------------------------

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
CLOCK = {
    "type": "object",
    "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"]}},
    "required": ["zone"],
    "additionalProperties": False,
}
STEPS = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "count": {"type": "integer"},
        "done": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "count", "done", "tags"],
    "additionalProperties": False,
}


def is_steps(v):
    return (
        set(v) == {"title", "count", "done", "tags"}
        and isinstance(v["title"], str)
        and isinstance(v["count"], int)
        and isinstance(v["done"], bool)
        and all(isinstance(t, str) for t in v["tags"])
    )


def calls_are_right(calls):
    """The two calls of the mock with the tools weather and clock, as (name, arguments)."""
    assert [name for name, _ in calls] == ["weather", "clock"]
    assert isinstance(calls[0][1]["city"], str) and isinstance(calls[0][1]["days"], int)
    assert calls[1][1]["zone"] in ("UTC", "CET")


def png(width=8, height=8):
    """A picture that is one."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(bytes((x * 30 % 256, y * 30 % 256, 128)) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = png()
PNG_64 = base64.b64encode(PNG).decode()

COHERE_TEMPLATE = 66


def prompt_tokens(to, record):
    """What the provider said that the prompt used, of all kinds together: Cohere counts the template
    around the conversation too, which it does not bill."""
    return record["prompt_tokens"] + (COHERE_TEMPLATE if to == "cohere" else 0)
