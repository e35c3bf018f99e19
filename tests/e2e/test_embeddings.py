"""Embeddings: three dialects of clients to the providers that have them.

Bedrock's are served by another endpoint (invoke) that the simulated provider has not; its shapes
are in the unit tests.
"""

import base64
import json
import struct
import urllib.parse

import pytest
import weir

KEY = "sk-embed-0123456789abcdef"

PROVIDERS = {"openai": "/v1", "gemini": "/v1beta", "cohere": "", "ollama": ""}

CONFIG = """
listen: 127.0.0.1:0
workers: 1
keys: [{{name: app, key: {key}}}]
breaker: {{failures: 0, error_rate: 0%}}
providers:
{providers}
"""


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock("--dimensions", "8")
    yield m
    m.stop()


@pytest.fixture(scope="module")
def gw(tmp_path_factory, mock):
    rows = [f"  to-{p}: {{dialect: {p}, base_url: \"{mock.url}{base}\", api_key: k}}" for p, base in PROVIDERS.items()]
    rows.append(f"  to-anthropic: {{dialect: anthropic, base_url: \"{mock.url}/v1\", api_key: k}}")
    g = weir.Gateway(tmp_path_factory.mktemp("embed"), CONFIG.format(key=KEY, providers="\n".join(rows)))
    g.auth = {"authorization": "Bearer " + KEY}
    yield g
    g.stop()


def openai(gw, model, texts, **more):
    r = gw.http.post(gw.url + "/v1/embeddings", json={"model": model, "input": texts, **more}, headers=gw.auth)
    if r.status_code != 200:
        return r
    b = r.json()
    assert [d["index"] for d in b["data"]] == list(range(len(texts)))
    assert b["usage"]["prompt_tokens"] > 0
    return [d["embedding"] for d in b["data"]]


def cohere(gw, model, texts):
    body = {"model": model, "texts": texts, "input_type": "search_document", "embedding_types": ["float"]}
    r = gw.http.post(gw.url + "/v2/embed", json=body, headers=gw.auth)
    return r.json()["embeddings"]["float"] if r.status_code == 200 else r


def gemini(gw, model, texts):
    m = urllib.parse.quote(model, safe="")
    body = {"requests": [{"model": "models/" + model, "content": {"parts": [{"text": t}]}} for t in texts]}
    r = gw.http.post(gw.url + f"/v1beta/models/{m}:batchEmbedContents", json=body, headers={"x-goog-api-key": KEY})
    return [e["values"] for e in r.json()["embeddings"]] if r.status_code == 200 else r


TEXTS = ["a weir", "Zoë \"quotes\" \U0001f30a", "three"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", [openai, cohere, gemini], ids=lambda f: f.__name__)
def test_every_client_reaches_every_provider(gw, mock, client, provider):
    mock.reset()
    got = client(gw, f"to-{provider}/embed-1", TEXTS)
    assert isinstance(got, list), got.text
    gw.check()
    sent = mock.records()[0]
    for text in TEXTS:
        assert json.dumps(text)[1:-1].encode() in sent["body"] or text.encode() in sent["body"] or json.dumps(
            text, ensure_ascii=False
        )[1:-1].encode() in sent["body"]
    assert len(got) == len(TEXTS) and all(len(v) == 8 for v in got)
    assert all(isinstance(x, float) for v in got for x in v)
    assert len({tuple(v) for v in got}) == len(TEXTS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_base64_is_made_where_the_provider_has_numbers(gw, provider):
    numbers = openai(gw, f"to-{provider}/embed-1", TEXTS)
    packed = openai(gw, f"to-{provider}/embed-1", TEXTS, encoding_format="base64")
    for v, p in zip(numbers, packed):
        assert isinstance(p, str)
        assert struct.unpack("<8f", base64.b64decode(p)) == pytest.approx(v, abs=1e-6)


def test_a_provider_without_embeddings_is_said_to_be_one(gw):
    r = openai(gw, "to-anthropic/claude-opus-4-6", TEXTS)
    assert r.status_code == 400 and r.json()["error"]["code"] == "unsupported_endpoint"


def test_an_error_of_the_provider_is_told_in_the_callers_dialect(gw, mock):
    r = cohere(gw, "to-gemini/embed-1?status=429&retry-after=2", TEXTS)
    assert r.status_code == 429 and "message" in r.json() and r.headers["retry-after"] == "2"
    r = gemini(gw, "to-cohere/embed-1?status=400", TEXTS)
    assert r.status_code == 400 and r.json()["error"]["status"] == "INVALID_ARGUMENT"
