"""Every client's dialect to every provider's, plain and streamed: what was meant goes through.

The request is written by the tests in the client's dialect; what the provider received is read
by the tests in the provider's.  Then that very request is sent to the provider directly, and
its answer compared with the client's.  What a dialect cannot say is in the tables below, with
the reason, and they are printed in docs/dialects.md.

    WEIR_MATRIX=write tests/e2e/run tests/e2e/test_matrix.py    # write the page's tables anew
"""

import itertools
import json
import os
import re

import dialects
import pytest
import weir
from dialects import PNG, Call

KEY = "sk-matrix-0123456789abcdef"
UPSTREAM = "sk-upstream-matrix-0123456789"

MODELS = {
    "openai": "gpt-5.1",
    "responses": "gpt-5.1",
    "anthropic": "claude-opus-4-6",
    "gemini": "gemini-3-pro",
    "bedrock": "anthropic.claude-opus-4-6-v1:0",
    "cohere": "command-a-reasoning",
    "ollama": "qwen3",
}
BASES = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "bedrock": "", "cohere": "", "ollama": ""}

CONFIG = """
listen: 127.0.0.1:0
workers: 1
keys: [{{name: app, key: {key}}}]
timeouts: {{stall: 500ms}}
retries: {{attempts: 1}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
{providers}
"""

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a place.",
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
TIME = {
    "name": "get_time",
    "description": "The time of a place.",
    "schema": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
}
SHAPE = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
    "required": ["answer", "sure"],
    "additionalProperties": False,
}


def user(*texts):
    return {"role": "user", "parts": [{"text": t} for t in texts]}


# name: conversation, what the simulated provider is told to do
SCENARIOS = {
    "text": (
        {"turns": [user("Say \"hi\" to Zoë \U0001f30a, on\ntwo lines.")], "max_tokens": 900, "temperature": 0.5},
        {"tokens": 12, "cached-tokens": 3},
    ),
    "turns": (
        {
            "system": "Be brief.\tAlways.",
            "turns": [user("One?"), {"role": "assistant", "text": "One.", "calls": []}, user("And two?")],
        },
        {"tokens": 5},
    ),
    "tools": (
        {
            "system": "Use the tools.",
            "tools": [WEATHER, TIME],
            "choice": "auto",
            "turns": [
                user("Weather and time in Oslo?"),
                {
                    "role": "assistant",
                    "text": "",
                    "calls": [
                        Call("get_weather", {"city": "Oslo", "days": 2}, "call_a1B2c3D4e"),
                        Call("get_time", {"zone": "Europe/Oslo"}, "call_f5G6h7I8j"),
                    ],
                },
                {
                    "role": "tool",
                    "results": [
                        {"id": "call_a1B2c3D4e", "name": "get_weather", "text": "rain, 7 °C"},
                        {"id": "call_f5G6h7I8j", "name": "get_time", "text": "12:01"},
                    ],
                },
                user("And in Bergen?"),
            ],
        },
        {"tools": 2, "arg-bytes": 3},
    ),
    "image": (
        {"turns": [{"role": "user", "parts": [{"text": "What is this?"}, {"image": PNG, "mime": "image/png"}]}]},
        {"tokens": 6},
    ),
    "schema": ({"turns": [user("Are you sure?")], "schema": SHAPE}, {}),
    "reasoning": ({"turns": [user("Think.")], "effort": "high", "max_tokens": 30000}, {"tokens": 6, "reasoning": 9}),
    "stop": ({"turns": [user("Count.")], "stop": ["seven"]}, {"tokens": 6, "finish": "stop_sequence"}),
    "length": ({"turns": [user("Count.")], "max_tokens": 16}, {"tokens": 20, "finish": "length"}),
    "refusal": ({"turns": [user("Do harm.")]}, {"tokens": 4, "finish": "content_filter"}),
    "error": ({"turns": [user("Fail.")]}, {"status": 429, "retry-after": 3, "error-message": "slow-down-please"}),
}

# What a provider's dialect cannot be told: (provider, field) -> why.
CANNOT_TELL = {
    ("responses", "stop"): "the Responses API has no stop sequences",
    ("responses", "max_tokens under 16"): "16 is its minimum, and sent instead",
    ("bedrock", "choice none"): "Converse has no tool choice none: the tools are left out",
    ("cohere", "effort"): "thinking is only on or off",
    ("ollama", "choice"): "the native API has no tool choice",
    ("gemini", "effort of cohere"): "a client of Cohere says on or off only, and on is the default",
    ("responses", "effort of cohere"): "a client of Cohere says on or off only, and on is the default",
    ("openai", "effort of cohere"): "a client of Cohere says on or off only, and on is the default",
    ("cohere", "filter"): "a filtered answer ends with ERROR: a failed attempt",
}
# What a client's dialect has no words for in an answer: (client, field) -> why.
CANNOT_HEAR = {
    ("openai", "sequence"): "stop and stop sequence are one finish_reason",
    ("responses", "sequence"): "a response is completed, whatever stopped it",
    ("gemini", "sequence"): "STOP stands for both",
    ("bedrock", "thought"): "usage has no count of reasoning tokens",
    ("cohere", "thought"): "usage has no count of reasoning tokens",
    ("openai", "signature of text"): "a text has no place for one; Gemini takes it back without",
    ("cohere", "filter"): "there is no finish reason for it: ERROR, and `error` says content_filter",
}


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def gw(tmp_path_factory, mock):
    rows = [
        f"  to-{d.name}: {{dialect: {d.name}, base_url: \"{mock.url}{BASES[d.name]}\", api_key: {UPSTREAM}}}"
        for d in dialects.PROVIDERS
    ]
    g = weir.Gateway(tmp_path_factory.mktemp("matrix"), CONFIG.format(key=KEY, providers="\n".join(rows)))
    yield g
    g.stop()


def model_of(provider, options):
    query = "&".join(f"{k}={v}" for k, v in options.items())
    return f"to-{provider.name}/{MODELS[provider.name]}" + (f"?{query}" if query else "")


def ask(gw, client, c, model, stream):
    headers = {**client.headers, **client.auth(KEY), "content-type": "application/json"}
    return gw.http.post(gw.url + client.path(model, stream), content=json.dumps(client.write(c, model, stream)), headers=headers)


def replay(mock, provider, record, stream):
    """What the provider itself answers to the request that it was sent."""
    headers = {k: v for k, v in record["header"].items() if k not in ("host", "content-length", "connection")}
    headers["authorization"] = f"Bearer {UPSTREAM}"
    headers[{"anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(provider.name, "x-unused")] = UPSTREAM
    r = mock.http.post(mock.url + record["path"] + ("?" + record["query"] if record["query"] else ""), content=record["body"], headers=headers)
    return r, (provider.read_stream(r.content) if stream else provider.read_answer(r.json())) if r.status_code == 200 else None


def same_turns(sent, got, provider):
    sent = [t for t in sent if t["role"] != "tool"] + [t for t in sent if t["role"] == "tool"]
    got = [t for t in got if t["role"] != "tool"] + [t for t in got if t["role"] == "tool"]
    assert [t["role"] for t in got] == [t["role"] for t in sent], got
    for a, b in zip(sent, got):
        if a["role"] == "user":
            assert [p.get("text") for p in b["parts"] if "text" in p] == [p["text"] for p in a["parts"] if "text" in p]
            assert [p["image"] for p in b["parts"] if "image" in p] == [p["image"] for p in a["parts"] if "image" in p]
            for p, q in zip([p for p in a["parts"] if "image" in p], [p for p in b["parts"] if "image" in p]):
                assert q["mime"] in (None, p["mime"])
        elif a["role"] == "assistant":
            assert b["text"] == a["text"]
            assert [(k.name, k.args) for k in b["calls"]] == [(k.name, k.args) for k in a["calls"]]
        else:
            assert [r["text"] for r in b["results"]] == [r["text"] for r in a["results"]]


def same_request(client, c, got, provider):
    assert (got.get("system") or None) == c.get("system")
    same_turns(c["turns"], got["turns"], provider)
    # Whose result it is is said by the call's id, or by its place.
    calls = [k.id for t in got["turns"] if t["role"] == "assistant" for k in t["calls"]]
    results = [r["id"] for t in got["turns"] if t["role"] == "tool" for r in t["results"]]
    assert calls == results
    assert [(t["name"], t["description"], t["schema"]) for t in got["tools"]] == [
        (t["name"], t["description"], t["schema"]) for t in c.get("tools", [])
    ]
    if (provider.name, "choice") not in CANNOT_TELL:
        assert (got["choice"] or "auto") == (c.get("choice") or "auto")
    if c.get("schema"):
        assert got["schema"] == c["schema"]
    if c.get("max_tokens"):
        assert got["max_tokens"] == c["max_tokens"]
    if c.get("temperature") is not None:
        assert got["temperature"] == c["temperature"]
    if c.get("stop") and client.name != "responses" and (provider.name, "stop") not in CANNOT_TELL:
        assert got["stop"] == c["stop"]
    if c.get("effort") and (provider.name, f"effort of {client.name}") not in CANNOT_TELL:
        assert got["effort"] in (c["effort"], "some")


def same_answer(client, got, true, stream):
    def can(field):
        return (client.name, field) not in CANNOT_HEAR

    assert got.error == "" and got.ended
    assert got.text + got.refusal == true.text + true.refusal
    assert got.reasoning == true.reasoning
    assert [(k.name, k.args) for k in got.calls] == [(k.name, k.args) for k in true.calls]
    finish = "stop" if true.finish == "sequence" and not can("sequence") else true.finish
    if got.finish != finish:
        assert (finish, got.finish) in (("stop", "sequence"),) and can("sequence") is False, (finish, got.finish)
    assert got.prompt == true.prompt and got.completion == true.completion
    assert got.cached == true.cached
    if can("thought") and true.thought:
        assert got.thought == true.thought
    if true.opaque and (can("signature of text") or true.calls or true.reasoning and true.finish != "stop"):
        assert got.opaque, "the reasoning's signature did not come through"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize("provider", dialects.PROVIDERS, ids=lambda d: d.name)
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_what_was_meant_goes_through(gw, mock, client, provider, scenario, stream):
    c, options = SCENARIOS[scenario]
    mock.reset()
    r = ask(gw, client, c, model_of(provider, options), stream)
    gw.check()
    record = mock.records()[0]
    if scenario == "error":
        assert r.status_code == 429, r.text
        assert r.headers["retry-after"] == "3"
        assert "slow-down-please" in client.error(r.json())
        return
    if scenario == "refusal" and (provider.name, "filter") in CANNOT_TELL:
        # No answer that looks whole, before or after the first content.
        assert r.status_code == 502 or client.read_stream(r.content).error, r.text
        return
    assert r.status_code == 200, r.text
    same_request(client, c, provider.read_request(record["path"], json.loads(record["body"])), provider)
    direct, true = replay(mock, provider, record, stream)
    assert true is not None, direct.text
    got = client.read_stream(r.content) if stream else client.read_answer(r.json())
    assert r.headers["content-type"].startswith(client.stream_type if stream else "application/json")
    same_answer(client, got, true, stream)


# ---- streams that break -----------------------------------------------------------------------

# What happens in the middle, after content: an error that is said, an end without its words, a
# connection that ends, an event that is half there or no JSON.
BREAKS = ["error_mid", "truncate", "cut", "half_event", "bad_json", "stall"]


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("provider", dialects.PROVIDERS, ids=lambda d: d.name)
@pytest.mark.parametrize("client", dialects.CLIENTS, ids=lambda d: d.name)
def test_a_stream_that_breaks_ends_with_an_error(gw, mock, client, provider, fault):
    mock.reset()
    options = {"tokens": 8, "at": 4, "fail": fault}
    r = ask(gw, client, {"turns": [user("Count.")]}, model_of(provider, options), True)
    gw.check()
    assert r.status_code == 200 and r.headers["content-type"].startswith(client.stream_type)
    assert len(mock.records()) == 1, "nobody else is asked after content"
    got = client.read_stream(r.content)
    assert got.error, r.content[-600:]
    assert got.finish == "" and not got.ended, r.content[-600:]
    # Responses says all of the text again in its end, which never came.
    assert mock.text(8).startswith(got.text) and got.text != mock.text(8)
    assert got.text or client.name == "responses"


# ---- the page -----------------------------------------------------------------------------------

MARKS = ("<!-- matrix: tests/e2e/test_matrix.py -->", "<!-- end of matrix -->")
PAGE = os.path.join(weir.ROOT, "docs", "dialects.md")


def tables():
    out = ["| client \\ provider | " + " | ".join(d.name for d in dialects.PROVIDERS) + " |"]
    out.append("|---" * (len(dialects.PROVIDERS) + 1) + "|")
    for client in dialects.CLIENTS:
        cells = []
        for provider in dialects.PROVIDERS:
            notes = []
            if client.name == provider.name:
                notes.append("bytes")
            cells.append(" ".join(notes) or "yes")
        out.append(f"| **{client.name}** | " + " | ".join(cells) + " |")
    out += ["", "Each cell stands for " + ", ".join(SCENARIOS) + "; plain and streamed.", ""]
    out += ["| to a provider of | cannot be said | because |", "|---|---|---|"]
    out += [f"| {p} | {f} | {why} |" for (p, f), why in sorted(CANNOT_TELL.items())]
    out += ["", "| to a client of | cannot be said | because |", "|---|---|---|"]
    out += [f"| {p} | {f} | {why} |" for (p, f), why in sorted(CANNOT_HEAR.items())]
    return "\n".join(out)


def test_the_page_has_these_tables():
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    begin, end = MARKS
    new = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n\n{tables()}\n\n{end}", page, flags=re.S)
    if os.environ.get("WEIR_MATRIX") == "write":
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(new)
        return
    assert new == page, "run WEIR_MATRIX=write tests/e2e/run tests/e2e/test_matrix.py"
    assert len(list(itertools.product(dialects.CLIENTS, dialects.PROVIDERS))) == 42
