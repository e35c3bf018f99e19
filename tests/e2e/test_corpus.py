"""In its own dialect a request reaches the provider, and an answer the client, byte for byte but
for the named edits: over every body and stream of corpus.py.

The provider is a plain socket: it answers what it is told and keeps what it was sent.
"""

import corpus
import pytest
import raw
import weir
from test_matrix import BASES

DIALECTS = ["openai", "responses", "anthropic", "gemini", "bedrock", "cohere"]
STREAM_TYPE = {d: "text/event-stream" for d in DIALECTS} | {"bedrock": "application/vnd.amazon.eventstream"}
PATHS = {
    "openai": ("/v1/chat/completions",) * 2,
    "responses": ("/v1/responses",) * 2,
    "anthropic": ("/v1/messages",) * 2,
    "gemini": ("/v1beta/models/{}:generateContent", "/v1beta/models/{}:streamGenerateContent?alt=sse"),
    "bedrock": ("/model/{}/converse", "/model/{}/converse-stream"),
    "cohere": ("/v2/chat",) * 2,
}
USAGE_EDIT = b'"stream_options":{"include_usage":true}'


class Provider:
    def __init__(self):
        self.pieces = []
        self.server = raw.Server(lambda request: self.pieces)

    def ask(self, gw, dialect, body, pieces, stream):
        """The answer, and the request as the provider got it."""
        self.pieces = pieces
        self.server.requests.clear()
        path = PATHS[dialect][stream].format(f"to-{dialect}%2Fm")
        headers = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
        r = gw.http.post(gw.url + path, content=body, headers=headers)
        gw.check()
        assert len(self.server.requests) == 1, r.text
        return r, self.server.requests[0]


@pytest.fixture(scope="module")
def provider():
    p = Provider()
    yield p
    p.server.stop()


@pytest.fixture(scope="module")
def gw(tmp_path_factory, provider):
    config = "listen: 127.0.0.1:0\nworkers: 1\nretries: {attempts: 1}\nbreaker: {failures: 0, error_rate: 0%}\nlimits: {event: 128KiB}\nproviders:\n"
    for d in DIALECTS:
        config += f"  to-{d}: {{dialect: {d}, base_url: \"{provider.server.url}{BASES[d]}\", api_key: k}}\n"
    g = weir.Gateway(tmp_path_factory.mktemp("corpus"), config)
    yield g
    g.stop()


def named(body, model):
    return body.replace(corpus.MODEL, model).encode()


def good(dialect, stream):
    """An answer that is not what the test is about."""
    if not stream:
        return raw.answer(200, "application/json", corpus.whole(dialect).encode())
    framed = corpus.frames if dialect == "bedrock" else corpus.sse
    return raw.chunks(STREAM_TYPE[dialect], framed(corpus.events(dialect)))


REQUESTS = [pytest.param(d, body, stream, id=f"{d}: {name}") for d in DIALECTS for name, body, stream in corpus.requests(d)]
ANSWERS = [pytest.param(d, status, body, id=f"{d}: {name}") for d in DIALECTS for name, status, body in corpus.answers(d)]
STREAMS = [pytest.param(d, pieces, id=f"{d}: {name}") for d in DIALECTS for name, pieces in corpus.streams(d)]


def test_the_corpus_is_large_enough():
    assert len(REQUESTS) + len(ANSWERS) + len(STREAMS) >= 200
    assert min(len([p for p in group if p.values[0] == d]) for group in (REQUESTS, ANSWERS, STREAMS) for d in DIALECTS) >= 10


@pytest.mark.parametrize("dialect,body,stream", REQUESTS)
def test_a_request_reaches_the_provider_as_it_was_sent(gw, provider, dialect, body, stream):
    r, got = provider.ask(gw, dialect, named(body, f"to-{dialect}/m"), good(dialect, stream), stream)
    assert r.status_code == 200, r.text
    assert got.body == named(body, "m")


@pytest.mark.parametrize("dialect,status,body", ANSWERS)
def test_an_answer_reaches_the_client_as_it_was_sent(gw, provider, dialect, status, body):
    sent = body.encode()
    asked = named(corpus.request(dialect), f"to-{dialect}/m")
    for pieces in (raw.answer(status, "application/json", sent), raw.chunks("application/json", corpus.cut([sent[:2000], sent[2000:]], 4), status)):
        r, _ = provider.ask(gw, dialect, asked, pieces, False)
        assert (r.status_code, r.content) == (status, sent)


@pytest.mark.parametrize("dialect,pieces", STREAMS)
def test_a_stream_reaches_the_client_as_it_was_sent(gw, provider, dialect, pieces):
    asked = named(corpus.request(dialect, stream=True), f"to-{dialect}/m")
    r, _ = provider.ask(gw, dialect, asked, raw.chunks(STREAM_TYPE[dialect], pieces), True)
    assert r.status_code == 200, r.text
    assert r.headers["content-type"].startswith(STREAM_TYPE[dialect])
    assert r.content == b"".join(pieces)


@pytest.mark.parametrize("pieces", [pytest.param(p, id=n) for n, p in corpus.streams("openai") if "random" not in n and "byte" not in n])
def test_only_the_usage_chunk_is_hidden_from_who_did_not_ask_for_it(gw, provider, pieces):
    stream = b"".join(pieces)
    asked = named(corpus.request("openai", top=',"stream" : true'), "to-openai/m")
    r, got = provider.ask(gw, "openai", asked, raw.chunks(STREAM_TYPE["openai"], pieces), True)
    wanted = asked.replace(b"to-openai/m", b"m")
    assert got.body != wanted and wanted in (got.body.replace(b"," + USAGE_EDIT, b""), got.body.replace(USAGE_EDIT + b",", b""))
    # The event with it is gone, and not a byte beside it.
    at = next(i for i, p in enumerate(pieces) if b'"prompt_tokens"' in p) if len(pieces) > 1 else None
    if at is None:
        items = corpus.sse(corpus.events("openai", x=',"a":{"b":[1 , 2.50,{"c" :null}]},"":""'))
        assert b"".join(items) == stream
        at, pieces = 3, items
    hidden = pieces[at]
    kept = r.content
    before, after = b"".join(pieces[:at]), b"".join(pieces[at + 1 :])
    assert kept.startswith(before) and kept.endswith(after)
    # Of comments and blank lines before it nothing need be hidden.
    rest = kept[len(before) : len(kept) - len(after)]
    assert hidden.startswith(rest) and b"prompt_tokens" not in rest
