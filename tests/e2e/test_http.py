"""HTTP/1.1 as raw bytes: what is odd and right, what is wrong, what is slow."""

import json
import re
import socket
import time

import pytest

from conftest import KEY
from weir import HELLO, wait_for

BODY = json.dumps({"model": "a/m?tokens=2", "messages": HELLO}).encode()
AUTH = b"Authorization: Bearer " + KEY.encode() + b"\r\n"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n" + AUTH


def post(body=BODY, extra=b""):
    return HEAD + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Peer:
    """A client that sends bytes and reads answers."""

    def __init__(self, gw):
        self.s = socket.create_connection(("127.0.0.1", gw.port))
        self.s.settimeout(10)
        self.got = b""
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def more(self):
        try:
            data = self.s.recv(65536)
        except ConnectionResetError:
            data = b""
        self.closed |= data == b""
        self.got += data
        return data != b""

    def answer(self):
        """One whole response: status, headers, body."""
        while b"\r\n\r\n" not in self.got:
            assert self.more(), f"closed after {self.got!r}"
        head, self.got = self.got.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}
        if status == 100:
            return status, headers, b""
        if "content-length" in headers:
            n = int(headers["content-length"])
            while len(self.got) < n:
                assert self.more()
            body, self.got = self.got[:n], self.got[n:]
            return status, headers, body
        body = b""
        while True:
            while b"\r\n" not in self.got:
                assert self.more()
            line, self.got = self.got.split(b"\r\n", 1)
            n = int(line, 16)
            while len(self.got) < n + 2:
                assert self.more()
            body += self.got[:n]
            assert self.got[n : n + 2] == b"\r\n"
            self.got = self.got[n + 2 :]
            if n == 0:
                return status, headers, body

    def is_closed(self, seconds=3):
        """The other side closes, and says nothing more."""
        self.s.settimeout(seconds)
        try:
            while self.more():
                pass
        except socket.timeout:
            return False
        return self.got == b""


def test_pipelined_requests_are_answered_in_order(gw):
    """The first is the slowest."""
    with Peer(gw) as p:
        requests = b""
        for i in range(5):
            delay = b"300ms" if i == 0 else b"0"
            body = b'{"model":"a/m?echo=on&ttft=%s","messages":[{"role":"user","content":"number %d"}]}' % (delay, i)
            requests += post(body)
        p.send(requests + b"GET /health HTTP/1.1\r\nHost: weir\r\n\r\n")
        for i in range(5):
            status, _, body = p.answer()
            assert status == 200
            assert json.loads(body)["choices"][0]["message"]["content"] == f"number {i}"
        assert p.answer()[2] == b'{"status":"ok"}'


def test_a_request_in_single_bytes(gw):
    with Peer(gw) as p:
        p.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in post(BODY):
            p.send(bytes([b]))
        assert p.answer()[0] == 200


def test_chunked_uploads(gw, mock_a):
    with Peer(gw) as p:
        p.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(BODY), 10):
            piece = BODY[i : i + 10]
            p.send(b"%x;ext=1\r\n" % len(piece) + piece + b"\r\n")
        p.send(b"0\r\nTrailer: x\r\n\r\n")
        assert p.answer()[0] == 200
    assert mock_a.record()["body"] == BODY.replace(b"a/m", b"m")


def test_a_chunked_upload_over_the_limit_is_413(gw, mock_a):
    with Peer(gw) as p:
        p.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(40):
                p.send(chunk)
        except OSError:
            pass
        assert p.answer()[0] == 413
        assert p.is_closed()
    assert mock_a.records() == []


def test_a_length_over_the_limit_is_413_before_the_body(gw):
    with Peer(gw) as p:
        p.send(HEAD + b"Content-Length: 99999999\r\n\r\n")
        status, headers, body = p.answer()
        assert status == 413
        assert json.loads(body)["error"]["code"]
        assert p.is_closed()


def test_expect_100_continue(gw):
    with Peer(gw) as p:
        p.send(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert p.answer()[0] == 100
        p.send(BODY)
        assert p.answer()[0] == 200


def test_expect_is_answered_with_413_when_it_will_not_be_read(gw):
    with Peer(gw) as p:
        p.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert p.answer()[0] == 413


def test_connection_close_is_kept(gw):
    with Peer(gw) as p:
        p.send(post(extra=b"Connection: close\r\n"))
        assert p.answer()[0] == 200
        assert p.is_closed()


def test_http_1_0_gets_an_answer_until_the_close(gw, mock_a):
    with Peer(gw) as p:
        body = b'{"model":"a/m?tokens=3","stream":true,"messages":[{"role":"user","content":"x"}]}'
        p.send(b"POST /v1/chat/completions HTTP/1.0\r\n" + AUTH + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while p.more():
            pass
        head, got = p.got.split(b"\r\n\r\n", 1)
        assert b"transfer-encoding" not in head.lower()
        assert got.endswith(b"data: [DONE]\n\n")


def test_head_has_no_body(gw):
    with Peer(gw) as p:
        p.send(b"HEAD /health HTTP/1.1\r\nHost: weir\r\n\r\nGET /ready HTTP/1.1\r\nHost: weir\r\n\r\n")
        while p.got.count(b"\r\n\r\n") < 2 or not p.got.endswith(b"}"):
            assert p.more()
        assert p.got.count(b'{"status"') == 1


CL = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED_BODY = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
SMUGGLE = {
    "length and chunked": HEAD + CL + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED_BODY,
    "chunked and length": HEAD + b"Transfer-Encoding: chunked\r\n" + CL + b"\r\n" + CHUNKED_BODY,
    "two lengths": HEAD + CL + b"Content-Length: 5\r\n\r\n" + BODY,
    "the same length twice": HEAD + CL + CL + b"\r\n" + BODY,
    "a list of lengths": HEAD + b"Content-Length: %d, %d\r\n\r\n" % (len(BODY), len(BODY)) + BODY,
    "a signed length": HEAD + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length in hex": HEAD + b"Content-Length: 0x10\r\n\r\n" + BODY,
    "an empty length": HEAD + b"Content-Length: \r\n\r\n" + BODY,
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED_BODY,
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_BODY,
    "chunked, then identity": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED_BODY,
    "a tab before chunked": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + CHUNKED_BODY,
    "a space before the colon": HEAD + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "obs-fold": HEAD + b"X-A: 1\r\n 2\r\n" + CL + b"\r\n" + BODY,
    "a bare LF in the head": HEAD + b"X-A: 1\nX-B: 2\r\n" + CL + b"\r\n" + BODY,
    "a bare CR in the head": HEAD + b"X-A: 1\rX-B: 2\r\n" + CL + b"\r\n" + BODY,
    "a NUL in a header": HEAD + b"X-A: 1\x002\r\n" + CL + b"\r\n" + BODY,
    "no name": HEAD + b": 1\r\n" + CL + b"\r\n" + BODY,
    "a chunk size of nothing": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
    "a chunk size that overflows": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n" + BODY,
    "a chunk longer than it says": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    "a bare LF after a chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\n" + AUTH + CL + b"\r\n" + BODY,
    "two hosts": HEAD + b"Host: other\r\n" + CL + b"\r\n" + BODY,
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "a space in the target": b"GET /health x HTTP/1.1\r\nHost: weir\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLE)
def test_what_two_parsers_could_read_in_two_ways_is_refused(gw, mock_a, name):
    """An answer of 400 and the end of the connection; the hidden second request is not seen."""
    with Peer(gw) as p:
        p.send(SMUGGLE[name] + b"GET /health HTTP/1.1\r\nHost: weir\r\n\r\n")
        status, headers, body = p.answer()
        assert status in (400, 501, 505), body
        assert headers["connection"] == "close"
        assert json.loads(body)["error"]["code"]
        assert p.is_closed(), p.got
    assert mock_a.records() == []
    assert gw.http.get(gw.url + "/health").status_code == 200


def test_too_many_headers_and_too_large_ones(gw):
    for extra in (b"X-A: " + b"a" * 40000 + b"\r\n", b"X-A: 1\r\n" * 200):
        with Peer(gw) as p:
            p.send(HEAD + extra + CL + b"\r\n" + BODY)
            assert p.answer()[0] == 431
            assert p.is_closed()
    with Peer(gw) as p:
        p.send(b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: weir\r\n\r\n")
        assert p.answer()[0] in (414, 431)


# ---- slow, and gone ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quick(tmp_path_factory, mock_a):
    """A gateway without patience."""
    import weir

    g = weir.Gateway(
        tmp_path_factory.mktemp("quick"),
        f"""
listen: 127.0.0.1:0
workers: 1
limits: {{queue: 16KiB}}
timeouts: {{head: 500ms, body_read: 500ms, idle: 700ms, write: 700ms}}
providers:
  a: {{base_url: "{mock_a.base}"}}
""",
    )
    yield g
    g.check()
    g.stop()


def test_a_slow_head_is_timed_out(quick):
    began = time.monotonic()
    with Peer(quick) as p:
        p.send(b"POST /v1/chat")
        while p.more():
            pass
        assert 0.4 < time.monotonic() - began < 3
        assert p.got == b"" or p.got.startswith(b"HTTP/1.1 408")


def test_a_slow_body_is_timed_out(quick):
    with Peer(quick) as p:
        p.send(HEAD + b"Content-Length: 100\r\n\r\n{")
        began = time.monotonic()
        while p.more():
            pass
        assert 0.4 < time.monotonic() - began < 3
        assert p.got == b"" or p.got.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_is_closed(quick):
    with Peer(quick) as p:
        p.send(b"GET /health HTTP/1.1\r\nHost: weir\r\n\r\n")
        assert p.answer()[0] == 200
        began = time.monotonic()
        assert p.is_closed(5)
        assert 0.5 < time.monotonic() - began < 4


def test_a_client_that_does_not_read_is_given_up(quick, mock):
    """The provider is not read on while the client is not; at last it is cancelled."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", quick.port))
        body = b'{"model":"a/m?tokens=60000","stream":true,"messages":[{"role":"user","content":"x"}]}'
        s.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        record = mock.record(15)
        assert record["end"] == "cancelled"
        assert record["text_sent"] < len(record["text"])
    assert quick.access()[-1]["end"] == "client_gone"


def test_a_client_that_goes_away_is_told_in_the_record(gw, mock_a):
    for stream in (b"true", b"false"):
        mock_a.reset()
        gw.mark()
        with Peer(gw) as p:
            p.send(post(b'{"model":"a/m?ttft=1s&tokens=5","stream":%s,"messages":[{"role":"user","content":"x"}]}' % stream))
            wait_for(mock_a.records)
        assert mock_a.record()["end"] == "cancelled"
        assert gw.access()[0]["end"] == "client_gone"


def test_one_slow_client_does_not_hold_up_the_others(gw):
    """X8: while one reads nothing of a long stream, others are served."""
    with Peer(gw) as slow:
        slow.send(post(b'{"model":"a/m?tokens=6000","stream":true,"messages":[{"role":"user","content":"x"}]}'))
        for _ in range(20):
            began = time.monotonic()
            with Peer(gw) as p:
                p.send(post())
                assert p.answer()[0] == 200
            assert time.monotonic() - began < 1
        status, _, body = slow.answer()
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n")
        assert len(re.findall(rb"data: \{", body)) == 6002


def test_connections_over_the_limit_are_refused(start):
    g = start("listen: 127.0.0.1:0\nworkers: 1\nlimits: {connections: 5}\nproviders: {a: {base_url: 'http://127.0.0.1:1'}}\n")
    peers = [Peer(g) for _ in range(5)]
    time.sleep(0.2)
    with Peer(g) as p:
        while p.more():
            pass
        assert p.got == b"" or p.got.startswith(b"HTTP/1.1 503")
    for p in peers:
        p.send(b"GET /health HTTP/1.1\r\nHost: weir\r\n\r\n")
        assert p.answer()[0] == 200
        p.s.close()
