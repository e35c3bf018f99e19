"""Media by URL to a provider that takes bytes only: fetched and inlined; and all that clients may
not make the gateway do.
"""

import base64
import json
import socket
import time

import dialects
import pytest
import raw
import weir
from dialects import PNG
from test_matrix import BASES, MODELS

PIXEL = base64.b64decode(PNG)
GIF = b"GIF89a\1\0\1\0\0\0\0;"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
BYTES_ONLY = [d for d in dialects.PROVIDERS if d.name in ("gemini", "bedrock", "ollama")]
CLIENTS = [d for d in dialects.CLIENTS if d.name != "bedrock"]  # Converse has no URLs but s3:

CONFIG = """
listen: 127.0.0.1:0
workers: 1
retries: {{attempts: 1}}
breaker: {{failures: 0, error_rate: 0%}}
media: {{{media}}}
providers:
{providers}
"""


def slowly(n, seconds):
    """An answer that comes byte by byte."""
    yield f"HTTP/1.1 200 X\r\nContent-Type: image/png\r\nContent-Length: {n}\r\n\r\n".encode()
    for _ in range(n):
        yield b"x"
        time.sleep(seconds / n)


def redirect(to, status=302):
    return [f"HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]


def respond(request):
    """The web: what is where."""
    path = request.target.split("?")[0]
    kind, body = {
        "/x.png": ("image/png", PIXEL),
        "/x.gif": ("image/gif", GIF),
        "/x.jpg": ("image/jpeg", JPEG),
        "/x.webp": ("image/webp", WEBP),
        "/lies.png": ("text/plain", PIXEL),
        "/x.pdf": ("application/pdf", PDF),
        "/page.png": ("image/png", b"<!DOCTYPE html><html><body>no</body></html>"),
        "/empty.png": ("image/png", b""),
        "/40k.png": ("image/png", PIXEL + b"\0" * 40000),
        "/large.png": ("image/png", PIXEL + b"\0" * 70000),
    }.get(path, (None, b""))
    if path.startswith("/redirect/"):
        return redirect(request.target[len("/redirect/") :])
    if path == "/loop":
        return redirect("/loop")
    if path == "/chunked.png":
        return raw.chunks("image/png", [PIXEL[:9], PIXEL[9:]])
    if path == "/endless.png":
        return raw.chunks("image/png", [PIXEL, *[b"\0" * 8192] * 60])
    if path == "/slow.png":
        return slowly(100, 30)
    if path == "/closed.png":
        return None
    if kind is None:
        return raw.answer(404, "image/png", PIXEL)
    return raw.answer(200, kind, body)


def ask_by_url(client, model, *urls, stream=False):
    """The body in which that client names images by URL."""
    c = client.write({"turns": [{"role": "user", "parts": [{"text": "Look."}]}], "max_tokens": 50}, model, stream)
    if client.name in ("openai", "cohere"):
        parts = c["messages"][0]["content"]
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        c["messages"][0]["content"] = parts + [{"type": "image_url", "image_url": {"url": u}} for u in urls]
    elif client.name == "responses":
        c["input"][0]["content"] += [{"type": "input_image", "detail": "auto", "image_url": u} for u in urls]
    elif client.name == "anthropic":
        c["messages"][0]["content"] += [{"type": "image", "source": {"type": "url", "url": u}} for u in urls]
    else:
        c["contents"][0]["parts"] += [{"fileData": {"mimeType": "image/png", "fileUri": u}} for u in urls]
    return c


@pytest.fixture(scope="module")
def mock():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="module")
def web():
    s = raw.Server(respond)
    yield s
    s.stop()


class Asker:
    def __init__(self, gw, mock):
        self.gw, self.mock = gw, mock

    def post(self, client, provider, body, model, stream=False):
        self.mock.reset()
        r = self.gw.http.post(self.gw.url + client.path(model, stream), content=json.dumps(body), headers={**client.headers, "content-type": "application/json"})
        self.gw.check()
        return r

    def fetch(self, *urls, client=dialects.CLIENTS[0], provider="gemini"):
        model = f"to-{provider}/{MODELS[provider]}"
        return self.post(client, provider, ask_by_url(client, model, *urls), model)

    def refused(self, code, *urls):
        """That code and no provider asked; the message."""
        r = self.fetch(*urls)
        assert r.status_code == 400, r.text
        error = r.json()["error"]
        assert error["code"] in ((code,) if isinstance(code, str) else code), error
        assert error["type"] == "invalid_request_error"
        assert self.mock.records() == []
        return error["message"]


def gateway(folder, mock, media):
    rows = [f"  to-{d.name}: {{dialect: {d.name}, base_url: \"{mock.url}{BASES[d.name]}\", api_key: k}}" for d in dialects.PROVIDERS]
    return weir.Gateway(folder, CONFIG.format(media=media, providers="\n".join(rows)))


@pytest.fixture(scope="module")
def inside(tmp_path_factory, mock):
    """May fetch from this machine."""
    g = gateway(tmp_path_factory.mktemp("inside"), mock, "allow_private: true, max_bytes: 64KiB, max_total: 100KiB, timeout: 1s")
    yield Asker(g, mock)
    g.stop()


@pytest.fixture(scope="module")
def outside(tmp_path_factory, mock):
    """Public addresses only, as by default."""
    g = gateway(tmp_path_factory.mktemp("outside"), mock, "timeout: 2s")
    yield Asker(g, mock)
    g.stop()


@pytest.fixture(scope="module")
def off(tmp_path_factory, mock):
    g = gateway(tmp_path_factory.mktemp("off"), mock, "fetch: false")
    yield Asker(g, mock)
    g.stop()


def images(mock, provider):
    record = mock.record()
    got = provider.read_request(record["path"], json.loads(record["body"]))
    return [(p["image"], p["mime"]) for t in got["turns"] for p in t.get("parts", []) if "image" in p]


# ---- what is fetched ----------------------------------------------------------------------------


@pytest.mark.parametrize("provider", BYTES_ONLY, ids=lambda d: d.name)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda d: d.name)
def test_an_image_by_url_is_inlined_for_a_provider_that_takes_bytes_only(inside, mock, web, client, provider):
    if client.name == provider.name:
        pytest.skip("its own dialect is forwarded as it came")
    r = inside.fetch(web.url + "/x.png", client=client, provider=provider.name)
    assert r.status_code == 200, r.text
    [(data, mime)] = images(mock, provider)
    assert base64.b64decode(data) == PIXEL and mime in ("image/png", None)


@pytest.mark.parametrize("provider", ["openai", "responses", "anthropic", "cohere"])
def test_a_provider_that_takes_urls_gets_the_url(inside, mock, web, provider):
    before = web.connections
    client = dialects.CLIENTS[2 if provider != "anthropic" else 0]
    assert inside.fetch(web.url + "/x.png", client=client, provider=provider).status_code == 200
    assert (web.url + "/x.png").encode() in mock.record()["body"]
    assert web.connections == before


@pytest.mark.parametrize("name,mime", [("gif", "image/gif"), ("jpg", "image/jpeg"), ("webp", "image/webp")])
def test_its_kind_is_told(inside, mock, web, name, mime):
    assert inside.fetch(f"{web.url}/x.{name}").status_code == 200
    [(data, said)] = images(mock, BYTES_ONLY[0])
    assert said == mime and base64.b64decode(data) == {"gif": GIF, "jpg": JPEG, "webp": WEBP}[name]


def test_its_kind_is_what_it_is_and_not_what_the_server_says(inside, mock, web):
    assert inside.fetch(web.url + "/lies.png").status_code == 200
    assert images(mock, BYTES_ONLY[0]) == [(PNG, "image/png")]


def test_several_come_in_their_order(inside, mock, web):
    assert inside.fetch(web.url + "/x.gif", web.url + "/chunked.png", web.url + "/x.gif?again=1").status_code == 200
    assert [base64.b64decode(d) for d, _ in images(mock, BYTES_ONLY[0])] == [GIF, PIXEL, GIF]


def test_a_document_is_fetched_too(inside, mock, web):
    client = dialects.CLIENTS[2]
    model = f"to-gemini/{MODELS['gemini']}"
    body = ask_by_url(client, model)
    body["messages"][0]["content"].append({"type": "document", "source": {"type": "url", "url": web.url + "/x.pdf"}})
    r = inside.post(client, "gemini", body, model)
    assert r.status_code == 200, r.text
    parts = [p for m in json.loads(mock.record()["body"])["contents"] for p in m["parts"] if "inlineData" in p]
    assert [(p["inlineData"]["mimeType"], base64.b64decode(p["inlineData"]["data"])) for p in parts] == [("application/pdf", PDF)]


def test_redirects_are_followed(inside, mock, web):
    for to in ("/x.png", web.url + "/x.png?a=b", f"/redirect//redirect/{web.url}/x.png"):
        assert inside.fetch(web.url + "/redirect/" + to).status_code == 200
        assert images(mock, BYTES_ONLY[0]) == [(PNG, "image/png")]


def test_nothing_of_the_client_goes_to_the_web(inside, web):
    web.requests.clear()
    assert inside.fetch(web.url + "/x.png").status_code == 200
    [request] = web.requests
    assert request.method == "GET" and request.body == b""
    assert set(request.headers) <= {"host", "accept", "user-agent", "connection", "content-length"}


# ---- what is not --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path,code",
    [
        ("/nothing.png", "fetch_failed"),
        ("/page.png", "invalid_media"),
        ("/x.pdf", "invalid_media"),
        ("/empty.png", "fetch_failed"),
        ("/closed.png", "fetch_failed"),
        ("/large.png", "media_too_large"),
        ("/endless.png", "media_too_large"),
        ("/slow.png", "fetch_failed"),
        ("/loop", "fetch_failed"),
        ("/redirect/ftp://127.0.0.1/x.png", "fetch_failed"),
        ("/redirect/file:///etc/passwd", "fetch_failed"),
        ("/redirect///127.0.0.1/x.png", "fetch_failed"),
        ("/redirect/http://user:word@127.0.0.1:1/x.png", "invalid_url"),
        ("/redirect/http://127.0.0.1:1/x.png", "fetch_failed"),
    ],
)
def test_what_cannot_be_had_is_a_400_that_says_so(inside, web, path, code):
    began = time.monotonic()
    message = inside.refused(code, web.url + path)
    assert time.monotonic() - began < 8
    assert "127.0.0.1" in message or "media.timeout" in message
    assert "word" not in message


def test_a_loop_of_redirects_is_left_soon(inside, web):
    web.requests.clear()
    inside.refused("fetch_failed", web.url + "/loop")
    assert 2 <= len(web.requests) <= 11


def test_all_of_them_together_have_a_limit(inside, web):
    assert inside.fetch(web.url + "/40k.png", web.url + "/40k.png?2").status_code == 200
    inside.refused("media_too_large", *[f"{web.url}/40k.png?{i}" for i in range(3)])


def test_a_hundred_are_too_many(inside, web):
    before = web.connections
    inside.refused("too_many_media", *[f"{web.url}/x.png?{i}" for i in range(100)])
    assert web.connections == before


def test_one_that_fails_ends_the_others(inside, web):
    began = time.monotonic()
    inside.refused("fetch_failed", web.url + "/slow.png", web.url + "/nothing.png")
    assert time.monotonic() - began < 5
    weir.wait_for(lambda: web.open == 0, 5, why="a fetch goes on after the request has ended")


def test_a_client_that_leaves_ends_the_fetch(tmp_path_factory, mock, web):
    g = gateway(tmp_path_factory.mktemp("leaving"), mock, "allow_private: true, timeout: 30s")
    try:
        mock.reset()
        client, model = dialects.CLIENTS[0], f"to-gemini/{MODELS['gemini']}"
        body = json.dumps(ask_by_url(client, model, web.url + "/slow.png")).encode()
        web.requests.clear()
        with socket.create_connection(("127.0.0.1", g.port)) as s:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            weir.wait_for(lambda: web.requests, 5, why="nothing was fetched")
        weir.wait_for(lambda: web.open == 0, 5, why="the fetch goes on without its client")
        assert g.access()[0]["status"] == "499"
        assert mock.records() == []
        g.check()
        g.stop()
    finally:
        g.kill()


def test_fetching_can_be_switched_off(off, web):
    before = web.connections
    assert "media.fetch" in off.refused("media_url", web.url + "/x.png")
    assert web.connections == before


# ---- where clients may not send the gateway -------------------------------------------------------


@pytest.fixture(scope="module")
def trap():
    """Listens on every address of this machine, and nobody may come."""
    s = raw.Server(respond, "::") if socket.has_dualstack_ipv6() else raw.Server(respond, "0.0.0.0")
    yield s
    s.stop()


FORBIDDEN = [
    "http://127.0.0.1:%d/x.png",
    "http://127.8.9.1:%d/x.png",
    "http://localhost:%d/x.png",
    "http://0.0.0.0:%d/x.png",
    "http://[::1]:%d/x.png",
    "http://[::]:%d/x.png",
    "http://[::ffff:127.0.0.1]:%d/x.png",
    "http://[::ffff:7f00:1]:%d/x.png",
    "http://[64:ff9b::7f00:1]:%d/x.png",
    "http://[fe80::1]:%d/x.png",
    "http://[fd00::1]:%d/x.png",
    "http://169.254.169.254:%d/latest/meta-data",
    "http://10.0.0.1:%d/x.png",
    "http://172.16.0.1:%d/x.png",
    "http://192.168.0.1:%d/x.png",
    "http://100.64.0.1:%d/x.png",
    "http://255.255.255.255:%d/x.png",
    "https://127.0.0.1:%d/x.png",
]
# Old spellings of 127.0.0.1: none is an address, and as a name it is no public one.
SPELLED = [
    "http://2130706433:%d/x.png",
    "http://0x7f000001:%d/x.png",
    "http://0x7f.0.0.1:%d/x.png",
    "http://0177.0.0.1:%d/x.png",
    "http://127.1:%d/x.png",
    "http://127.0.0.1.:%d/x.png",
    "http://LOCALHOST.:%d/x.png",
]
NO_ADDRESS = [
    "http://user@127.0.0.1:%d/x.png",
    "http://user:word@localhost:%d/x.png",
    "http://example.com@127.0.0.1:%d/x.png",
    "http://127.0.0.1:%d\\@example.com/x.png",
    "file:///etc/passwd",
    "ftp://127.0.0.1:%d/x.png",
    "gopher://127.0.0.1:%d/x.png",
    "//127.0.0.1:%d/x.png",
    "127.0.0.1:%d/x.png",
    "http://",
    "http:///x.png",
    "http://127.0.0.1:0/x.png",
    "http://127.0.0.1:99999/x.png",
    "http://127.0.0.1:%d/a b.png",
    "http://127.0.0.1:%d/a\r\nx: y",
    "http://127.0.0.1%%00.example.com:%d/x.png",
]


def at(url, port):
    return url % port if "%" in url else url


@pytest.mark.parametrize("url", FORBIDDEN)
def test_an_address_that_is_not_public_is_never_connected_to(outside, trap, url):
    outside.refused("forbidden_address", at(url, trap.port))
    assert trap.connections == 0


@pytest.mark.parametrize("url", SPELLED)
def test_an_old_spelling_of_an_address_is_no_way_round(outside, trap, url):
    outside.refused(("forbidden_address", "invalid_url", "fetch_failed"), at(url, trap.port))
    assert trap.connections == 0


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_is_refused(outside, trap, url):
    message = outside.refused(("invalid_url", "unsupported_value", "invalid_value"), at(url, trap.port))
    assert trap.connections == 0
    assert "word" not in message


@pytest.mark.parametrize("client", CLIENTS, ids=lambda d: d.name)
def test_it_is_said_in_the_callers_dialect(outside, trap, client):
    r = outside.fetch(f"http://127.0.0.1:{trap.port}/x.png", client=client, provider="bedrock")
    assert r.status_code == 400
    assert "not a public one" in client.error(r.json())
    assert trap.connections == 0


def test_one_forbidden_address_among_good_ones_stops_all_of_it(outside, trap):
    outside.refused(("forbidden_address", "fetch_failed"), "http://weir.invalid/x.png", f"http://127.0.0.1:{trap.port}/x.png")
    assert trap.connections == 0
