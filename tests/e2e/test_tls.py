"""TLS on both sides, and the way through a proxy."""

import base64
import contextlib
import socket
import ssl
import threading

import httpx
import openai
import pytest

import weir
from certs import Authority
from weir import HELLO, model


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def tls_mock(authority):
    cert, key = authority.issue("provider", ["127.0.0.1", "provider.test"])
    m = weir.Mock("--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0", listen=("--tls-listen", "127.0.0.1:0"))
    m.http = httpx.Client(trust_env=False, timeout=20)
    m.tls_url = m.address("https")
    m.url = m.address("http")
    yield m
    m.check()
    m.stop()


def ask(g, name, **kw):
    return g.http.post(g.base + "/chat/completions", json={"model": name, "messages": HELLO, **kw})


def config(url, ca="", more=""):
    return f"""
listen: 127.0.0.1:0
workers: 1
retries: {{attempts: 1}}
timeouts: {{connect: 2s}}
{more}
providers:
  p:
    base_url: "{url}/v1"
    {"ca_file: " + ca if ca else ""}
"""


def test_a_private_authority_is_named_by_ca_file(start, authority, tls_mock):
    tls_mock.reset()
    g = start(config(tls_mock.tls_url, authority.file))
    for stream in (False, True, False):
        assert ask(g, "p/m", stream=stream).status_code == 200
    assert len(tls_mock.records()) == 3
    assert len({r["connection"] for r in tls_mock.records()}) == 1


def test_the_environment_can_name_the_authorities(start, authority, tls_mock):
    g = start(config(tls_mock.tls_url), env={"SSL_CERT_FILE": authority.file})
    assert ask(g, "p/m").status_code == 200


def test_sni_and_the_name_are_the_urls(start, authority, tls_mock):
    port = tls_mock.tls_url.rsplit(":", 1)[1]
    g = start(config(f"https://localhost:{port}", authority.file))
    r = ask(g, "p/m")
    assert r.status_code == 502, "the certificate is for 127.0.0.1 and provider.test"
    assert r.json()["error"]["code"] == "upstream_unreachable"


@pytest.mark.parametrize("wrong", ["unknown authority", "other host", "expired", "not yet valid", "self-signed"])
def test_wrong_certificates_are_refused(start, authority, tmp_path, wrong):
    ca = authority.file
    if wrong == "unknown authority":
        cert, key = Authority(tmp_path, "other authority").issue("x")
    elif wrong == "other host":
        cert, key = authority.issue("x-host", ["elsewhere.test", "127.0.0.2"])
    elif wrong == "expired":
        cert, key = authority.issue("x-old", begin=-10, end=-1)
    elif wrong == "not yet valid":
        cert, key = authority.issue("x-new", begin=1, end=10)
    else:
        cert, key = authority.issue("x-own", own=True)
    m = weir.Mock("--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0", listen=("--tls-listen", "127.0.0.1:0"))
    try:
        g = start(config(m.address("https"), ca))
        r = ask(g, "p/m")
        assert r.status_code == 502
        error = r.json()["error"]
        assert error["code"] == "upstream_unreachable"
        assert "certificate" in error["message"].lower() or "tls" in error["message"].lower()
        m.url = m.address("http")
        assert m.records() == [], "nothing was sent, the key least of all"
    finally:
        m.stop()


def test_a_certificate_from_nowhere_fails_over(start, authority, tls_mock, mock):
    g = start(
        f"""
listen: 127.0.0.1:0
providers:
  bad: {{base_url: "{tls_mock.tls_url}/v1"}}
  good: {{base_url: "{mock.base}"}}
models:
  m: [bad/x, good/y]
"""
    )
    assert ask(g, "m").status_code == 200
    assert "bad/x:tls" in g.access()[0]["attempts"]


def test_a_handshake_that_breaks_off(start, authority, tls_mock, mock):
    """The provider closes after the handshake; one that is not TLS at all."""
    g = start(config(tls_mock.tls_url, authority.file))
    tls_mock.script({"fail": "refuse"})
    assert ask(g, "p/m").status_code in (200, 502)  # it may be tried on a fresh connection
    tls_mock.http.delete(tls_mock.url + "/mock/script")
    assert ask(g, "p/m").status_code == 200
    g = start(config(mock.url.replace("http:", "https:"), authority.file))
    r = ask(g, "p/m")
    assert r.status_code == 502
    assert r.json()["error"]["code"] == "upstream_unreachable"


@pytest.mark.parametrize("fault", ["half_event", "cut", "stall", "truncate"])
def test_a_stream_that_breaks_over_tls(start, authority, tls_mock, fault):
    g = start(config(tls_mock.tls_url, authority.file, "").replace("connect: 2s", "connect: 2s, stall: 1s"))
    r = ask(g, model("p/m", fail=fault, tokens=6), stream=True)
    assert r.status_code == 200
    assert "[DONE]" not in r.text
    assert '"error"' in r.text


# ---- the gateway's own listener -----------------------------------------------------------------


def listening(cert, key, provider, more=""):
    return f"""
listen:
  - {{address: "127.0.0.1:0", tls: {{cert: {cert}, key: {key}}}}}
{more}
providers:
  a: {{base_url: "{provider}"}}
"""


def test_clients_come_over_tls(start, authority, mock):
    cert, key = authority.issue("gateway", ["127.0.0.1", "localhost"])
    g = start(listening(cert, key, mock.base))
    assert g.url.startswith("https://")
    context = ssl.create_default_context(cafile=authority.file)
    with httpx.Client(verify=context, trust_env=False) as http:
        c = openai.OpenAI(base_url=g.base, api_key="x", http_client=http, max_retries=0)
        r = c.chat.completions.create(model="a/m?tokens=5", messages=HELLO)
        assert r.choices[0].message.content == mock.text(5)
        s = c.chat.completions.create(model="a/m?tokens=5", messages=HELLO, stream=True)
        assert "".join(x.choices[0].delta.content or "" for x in s) == mock.text(5)
        large = [{"role": "user", "content": "x" * 3000000}]
        c.chat.completions.create(model="a/m", messages=large)
        r = c.chat.completions.create(model="a/m?fail=huge&size=3m", messages=HELLO)
        assert len(r.choices[0].message.content) == 3 << 20


def test_plain_bytes_at_a_tls_listener_hurt_nobody(start, authority, mock):
    cert, key = authority.issue("gateway2", ["127.0.0.1"])
    g = start(listening(cert, key, mock.base))
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 100, b""):
        with socket.create_connection(("127.0.0.1", g.port)) as s:
            s.settimeout(12)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while s.recv(4096):
                    pass
    context = ssl.create_default_context(cafile=authority.file)
    assert httpx.get(g.url + "/health", verify=context, trust_env=False).status_code == 200
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority.file)
    with contextlib.suppress(ValueError):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, OSError)):
            with socket.create_connection(("127.0.0.1", g.port)) as s:
                old.wrap_socket(s, server_hostname="127.0.0.1")


# ---- proxies ----------------------------------------------------------------------------------------


class Proxy:
    """Answers CONNECT, and absolute targets, by going to `port` whatever the name is."""

    def __init__(self, port, refuse=None):
        self.port, self.refuse = port, refuse
        self.heads = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            data = s.recv(65536)
            if not data:
                return
            head += data
        head, rest = head.split(b"\r\n\r\n", 1)
        self.heads.append(head.decode())
        if self.refuse:
            s.sendall(self.refuse)
            s.close()
            return
        with socket.create_connection(("127.0.0.1", self.port)) as up:
            if head.startswith(b"CONNECT "):
                s.sendall(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
            else:
                line, others = head.split(b"\r\n", 1)
                method, target, version = line.split(b" ")
                target = b"/" + target.split(b"/", 3)[3]
                rest = b" ".join((method, target, version)) + b"\r\n" + others + b"\r\n\r\n" + rest
            up.sendall(rest)
            t = threading.Thread(target=self.copy, args=(up, s), daemon=True)
            t.start()
            self.copy(s, up)
            t.join()

    @staticmethod
    def copy(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_WR)

    def close(self):
        self.server.close()


@pytest.fixture
def proxy(tls_mock):
    p = Proxy(int(tls_mock.tls_url.rsplit(":", 1)[1]))
    yield p
    p.close()


def test_https_through_a_connect_proxy(start, authority, tls_mock, proxy):
    """The name is the proxy's to resolve; the certificate is checked behind it."""
    url = proxy.url.replace("://", "://user:pass%40word@")
    g = start(config("https://provider.test:4433", authority.file, f"proxy: {{https: '{url}'}}"))
    assert ask(g, "p/m", stream=True).status_code == 200
    head = proxy.heads[0]
    assert head.startswith("CONNECT provider.test:4433 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic " + base64.b64encode(b"user:pass@word").decode() in head
    assert "uthorization: Bearer" not in head
    assert "pass" not in g.output


def test_the_environments_proxy_and_its_exceptions(start, authority, tls_mock, proxy):
    g = start(config("https://provider.test:4433", authority.file), env={"HTTPS_PROXY": proxy.url})
    assert ask(g, "p/m").status_code == 200
    assert len(proxy.heads) == 1
    g = start(
        config(tls_mock.tls_url, authority.file),
        env={"HTTPS_PROXY": proxy.url, "NO_PROXY": "10.0.0.0/8,127.0.0.1"},
    )
    assert ask(g, "p/m").status_code == 200
    assert len(proxy.heads) == 1


def test_a_proxy_that_refuses(start, authority, tls_mock):
    p = Proxy(1, refuse=b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    g = start(config("https://provider.test:4433", authority.file, f"proxy: {{https: '{p.url}'}}"))
    r = ask(g, "p/m")
    assert r.status_code == 502
    assert r.json()["error"]["code"] == "upstream_unreachable"
    assert "407" in r.json()["error"]["message"]
    p.close()


def test_the_wrong_certificate_behind_a_proxy(start, authority, tls_mock, proxy):
    g = start(config("https://other.test:4433", authority.file, f"proxy: {{https: '{proxy.url}'}}"))
    assert ask(g, "p/m").status_code == 502


def test_http_providers_through_a_proxy(start, mock):
    p = Proxy(mock.port)
    g = start(config("http://far.test:80", more=f"proxy: {{http: '{p.url}'}}"))
    r = ask(g, "p/m")
    assert r.status_code == 200, r.text
    assert "far.test" in p.heads[0]
    p.close()
