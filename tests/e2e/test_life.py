"""Starting, checking, reloading, stopping; what the operator sees."""

import json
import os
import re
import signal
import socket
import threading
import time

import httpx
import pytest

import weir
from certs import Authority
from sse import Stream
from test_tls import Proxy
from weir import HELLO, run, wait_for


def ask(g, name, **more):
    return g.http.post(g.base + "/chat/completions", json={"model": name, "messages": HELLO, **more})


def config(base, models="m: a/m", more=""):
    return f"""
listen: 127.0.0.1:0
workers: 2
{more}
providers:
  a: {{base_url: "{base}"}}
models:
  {models}
"""


# ---- seen from outside ---------------------------------------------------------------------------


def test_health_and_ready(gw):
    assert gw.http.get(gw.url + "/health").json() == {"status": "ok"}
    assert gw.http.get(gw.url + "/ready").json() == {"status": "ready"}
    assert "/v1/chat/completions" in gw.http.get(gw.url + "/").text


def test_metrics_count_what_happened(start, mock):
    g = start(config(mock.base, more="retries: {attempts: 2, backoff: 1ms}"))
    assert ask(g, "m").status_code == 200
    assert ask(g, "a/m?tokens=5", stream=True).status_code == 200
    assert ask(g, "a/m?status=500").status_code == 502
    assert ask(g, "nobody").status_code == 404
    text = g.http.get(g.url + "/metrics").text
    assert g.http.get(g.url + "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in ("weir_build_info", "weir_loop_lag_seconds", "weir_pool_idle", "weir_streams_open"):
        assert f"# TYPE {name} " in text
    assert g.metric("weir_requests_total", endpoint="chat", end="complete") == 2
    assert g.metric("weir_requests_total", endpoint="chat", end="upstream_error") == 1
    assert g.metric("weir_requests_total", endpoint="chat", end="refused") == 1
    assert g.metric("weir_attempts_total", provider="a", outcome="ok") == 2
    assert g.metric("weir_attempts_total", provider="a", outcome="server_error") == 2
    assert g.metric("weir_tokens_total", provider="a", kind="output") == 16 + 5
    used = sum(r["prompt_tokens"] for r in mock.records() if r["usage_sent"])
    assert g.metric("weir_tokens_total", provider="a", kind="input") == used
    assert g.metric("weir_ttft_seconds_count", provider="a") == 2
    assert g.metric("weir_request_duration_seconds_count") == 4
    # Every family is declared once, and its samples stand together.
    families = re.findall(r"^# TYPE (\S+)", text, re.M)
    assert len(families) == len(set(families))
    order = [re.sub(r"_(bucket|sum|count)$", "", m) for m in re.findall(r"^(weir_[a-z_]+)[ {]", text, re.M)]
    groups = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    assert len(groups) == len(set(groups))
    wait_for(lambda: g.metric("weir_client_bytes_in_total") > 0)


def test_metrics_may_need_a_key(start, mock):
    g = start(config(mock.base, more="metrics: {public: false}\nkeys: [{name: k, key: sk-0123456789}]"))
    assert g.http.get(g.url + "/metrics").status_code == 401
    assert g.http.get(g.url + "/metrics", headers={"authorization": "Bearer sk-0123456789"}).status_code == 200


# ---- weir check --------------------------------------------------------------------------------------


def check(tmp_path, text, env=None):
    file = tmp_path / "weir.yaml"
    file.write_text(text)
    r = run("check", str(file), env=env)
    return r.returncode, r.stdout.replace(str(tmp_path) + "/", "")


def test_a_good_file_is_fine(tmp_path):
    code, out = check(tmp_path, "providers: {openai: {api_key: sk-secret-0123456789}}\nmodels: {x: openai/gpt}\n")
    assert code == 0
    assert "openai/gpt" in out
    assert "sk-secret" not in out


@pytest.mark.parametrize(
    "text,wanted",
    [
        ("provders: {}\n", 'weir.yaml:1:1: unknown option "provders"; did you mean "providers"?'),
        ("timeouts: {connect: 5}\n", "weir.yaml:1:21: "),
        ("a: 1\n\tb: 2\n", "weir.yaml:2:1: "),
        ("providers:\n  openai: {api_key: x}\nmodels:\n  m: opnai/x\n", 'did you mean "openai"?'),
        ("providers: {x: {}}\n", "base_url"),
        ("providers: {x: {base_url: 'ftp://x'}}\n", "weir.yaml:1:"),
        ("listen: 1.2.3.4:99999\n", "weir.yaml:1:9: "),
        ("listen: 0.0.0.0:8080\nproviders: {openai: {api_key: x}}\n", "allow_anonymous"),
        ("keys: [{name: a, key: ''}]\n", "weir.yaml:1:"),
        ("retries: {attempts: 0}\n", "weir.yaml:1:21: "),
        ("limits: {body: 1, body: 2}\n", "weir.yaml:1:"),
        ("providers: {openai: {api_key: '${NO_SUCH_THING}'}}\n", "NO_SUCH_THING"),
        ("providers: {x: {base_url: 'https://x', ca_file: /no/such.pem}}\n", "/no/such.pem"),
    ],
)
def test_a_bad_file_says_where_and_what(tmp_path, text, wanted):
    code, out = check(tmp_path, text)
    assert code == 1
    assert wanted in out


def test_every_mistake_is_told(tmp_path):
    code, out = check(tmp_path, "a: 1\nb: 2\ntimeouts: {x: 1s}\n")
    assert code == 1
    assert [line.split(" ")[0] for line in out.splitlines()[:3]] == ["weir.yaml:1:1:", "weir.yaml:2:1:", "weir.yaml:3:12:"]


def test_the_environment_in_values(tmp_path):
    text = "providers: {x: {base_url: 'http://${HOST_OF_X:-127.0.0.1}:99/v1', api_key: '${KEY_OF_X}'}}\n"
    code, out = check(tmp_path, text, env={"KEY_OF_X": "sk-very-secret"})
    assert code == 0, out
    assert "127.0.0.1:99" in out and "secret" not in out
    code, out = check(tmp_path, text, env={"KEY_OF_X": "k", "HOST_OF_X": "elsewhere"})
    assert "elsewhere:99" in out


def test_serve_refuses_a_bad_file(tmp_path):
    (tmp_path / "weir.yaml").write_text("provders: {}\n")
    r = run("serve", "--config", str(tmp_path / "weir.yaml"))
    assert r.returncode == 1
    assert 'did you mean "providers"?' in r.stdout


def test_unknown_commands_and_options():
    r = run("sevre")
    assert r.returncode == 2 and 'did you mean "serve"?' in r.stdout
    r = run("serve", "--cnofig", "x")
    assert r.returncode == 2 and "config" in r.stdout
    r = run("--help")
    assert r.returncode == 0 and "serve" in r.stdout
    assert run("version").stdout.startswith("weir ")


def test_the_sample_is_a_good_file(tmp_path):
    code, out = check(tmp_path, run("check", "--sample").stdout)
    assert code == 0, out


# ---- reload ----------------------------------------------------------------------------------------------


class Load:
    """Clients that ask all the time, plain and streamed, and note what was not right."""

    def __init__(self, g, name, clients=6):
        self.g, self.name = g, name
        self.stop = threading.Event()
        self.good, self.bad = 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def one(self, http, i):
        r = http.post(
            self.g.base + "/chat/completions",
            json={"model": self.name, "messages": HELLO, "stream": i % 2 == 0},
        )
        if r.status_code != 200:
            return f"{r.status_code} {r.text}"
        if i % 2 == 0:
            s = Stream(r.content)
            return None if s.done and s.finish == "stop" else "a broken stream: " + r.text[-300:]
        return None if r.json()["choices"][0]["finish_reason"] == "stop" else r.text

    def run(self, i):
        with httpx.Client(trust_env=False, timeout=20) as http:
            while not self.stop.is_set():
                try:
                    wrong = self.one(http, i)
                except Exception as e:  # noqa: BLE001 -- whatever it is, it counts
                    wrong = repr(e)
                with self.lock:
                    if wrong is None:
                        self.good += 1
                    else:
                        self.bad.append(wrong)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(20)
        return self.good, self.bad


def test_a_reload_under_load_loses_nothing(start, mock, mock_b):
    mock_b.reset()
    g = start(config(mock.base, "m: a/m?tokens=5&gap=3ms"))
    load = Load(g, "m")
    for i in range(6):
        time.sleep(0.25)
        base = mock_b.base if i % 2 == 0 else mock.base
        g.reload(config(base, f"m: a/m?tokens=5&gap=3ms\n  new-{i}: a/m"))
        assert ask(g, f"new-{i}").status_code == 200
    g.reload("listen: 127.0.0.1:0\nmodles: {}\n")
    time.sleep(0.3)
    good, bad = load.end()
    assert bad == []
    assert good > 30
    assert mock.records() and mock_b.records()
    assert g.events("reload.failed")
    assert "modles" in g.output and 'did you mean \\"models\\"' in g.output
    assert ask(g, "new-5").status_code == 200, "the old configuration stays"
    assert ask(g, "new-4").status_code == 404


def test_a_stream_survives_the_end_of_its_provider_in_the_config(start, mock):
    g = start(config(mock.base))
    got = {}

    def stream():
        got["r"] = ask(g, "a/m?tokens=20&gap=50ms", stream=True)

    t = threading.Thread(target=stream)
    t.start()
    wait_for(mock.records)
    g.reload("listen: 127.0.0.1:0\nproviders: {other: {base_url: 'http://127.0.0.1:1'}}\n")
    assert ask(g, "a/m").status_code == 404
    t.join()
    s = Stream(got["r"].content)
    assert s.done and s.text() == mock.text(20)


def test_keys_change_with_a_reload(start, mock):
    keys = "keys: [{{name: k, key: {}}}]"
    g = start(config(mock.base, more=keys.format("sk-old-0123456789")))
    old, new = ({"authorization": f"Bearer sk-{x}-0123456789"} for x in ("old", "new"))
    body = {"model": "m", "messages": HELLO}
    assert g.http.post(g.base + "/chat/completions", json=body, headers=old).status_code == 200
    g.reload(config(mock.base, more=keys.format("sk-new-0123456789")))
    wait_for(lambda: g.http.post(g.base + "/chat/completions", json=body, headers=new).status_code == 200)
    assert g.http.post(g.base + "/chat/completions", json=body, headers=old).status_code == 401


# ---- stop ------------------------------------------------------------------------------------------------


def test_a_stop_under_load_loses_nothing(start, mock):
    """What had been taken is finished; what comes later is refused, not broken off."""
    g = start(config(mock.base))
    results = []

    def one(i):
        with httpx.Client(trust_env=False, timeout=20) as http:
            r = http.post(
                g.base + "/chat/completions",
                json={"model": "a/m?tokens=20&gap=50ms", "messages": HELLO, "stream": i % 2 == 0},
            )
            whole = Stream(r.content).done if i % 2 == 0 else r.json()["choices"][0]["finish_reason"] == "stop"
            results.append((r.status_code, whole))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    wait_for(lambda: len(mock.records()) == 20)
    g.signal(signal.SIGTERM)
    wait_for(lambda: g.events("stop.begin"))
    with pytest.raises(OSError):
        for _ in range(200):
            socket.create_connection(("127.0.0.1", g.port)).close()
            time.sleep(0.01)
    for t in threads:
        t.join()
    assert results == [(200, True)] * 20
    g.end()
    assert len(g.events("access")) == 20, "every record is written"
    assert all(e["end"] == "complete" for e in g.events("access"))


def test_the_drain_has_a_limit(start, mock):
    g = start(config(mock.base, more="timeouts: {drain: 500ms, stall: 20s}"))
    got = {}

    def one():
        try:
            got["r"] = ask(g, "a/m?tokens=1000&gap=50ms", stream=True)
        except httpx.HTTPError as e:
            got["r"] = e

    t = threading.Thread(target=one)
    t.start()
    wait_for(lambda: any(r["content_sent"] for r in mock.records()))
    began = time.monotonic()
    g.stop()
    assert time.monotonic() - began < 8
    t.join()
    if isinstance(got["r"], httpx.Response):
        assert not Stream(got["r"].content).looks_complete
    assert mock.record()["end"] == "cancelled"


def test_a_second_signal_stops_at_once(start, mock):
    g = start(config(mock.base))
    t = threading.Thread(target=lambda: pytest.raises(httpx.HTTPError, ask, g, "a/m?ttft=20s"))
    t.start()
    wait_for(mock.records)
    g.signal(signal.SIGINT)
    wait_for(lambda: g.events("stop.begin"))
    g.signal(signal.SIGINT)
    g.process.wait(10)
    t.join()


def test_an_address_that_is_taken(start, mock, tmp_path):
    """By another program, and by another weir, although its own loops share their address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        for port in (s.getsockname()[1], start(config(mock.base)).port):
            (tmp_path / "weir.yaml").write_text(config(mock.base).replace(":0", f":{port}", 1))
            r = run("serve", "--config", str(tmp_path / "weir.yaml"))
            assert r.returncode == 1
            assert f"127.0.0.1:{port}" in r.stdout and "already" in r.stdout


# ---- with nothing at all -----------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path):
    """bare(args, env) -> a weir with no config file to be found."""
    started = []

    def new(*args, env=None):
        home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), **(env or {})}
        p = weir.Program(["serve", "--listen", "127.0.0.1:0", *args], home, cwd=str(tmp_path))
        started.append(p)
        return p

    yield new
    try:
        for p in started:
            p.check()
            p.stop()
    finally:
        for p in started:
            p.kill()


def test_with_the_mock_and_nothing_else(bare):
    """What `make run` starts; the curl it prints works."""
    p = bare("--mock")
    wait_for(lambda: p.output.count("curl ") >= 2, 10)
    assert "simulated" in p.output
    url = p.address()
    for line in [x for x in p.lines if "curl " in x]:
        body = re.search(r"-d '(\{.*\})'", line).group(1)
        r = httpx.post(url + "/v1/chat/completions", content=body, trust_env=False)
        assert r.status_code == 200
        assert ("[DONE]" in r.text) == ("-N" in line)
        assert json.loads(body)["model"] in r.text


def test_a_hosted_provider_is_found_by_its_key(bare, tmp_path):
    """The key of the environment, through the environment's proxy, to a provider that the
    environment's authority vouches for."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("openai", ["api.openai.com"])
    m = weir.Mock(
        "--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0", "--key", "sk-of-openai-1234",
        "--models", "gpt-one,gpt-two", listen=("--tls-listen", "127.0.0.1:0"),
    )  # fmt: skip
    m.url = m.address("http")
    proxy = Proxy(int(m.address("https").rsplit(":", 1)[1]))
    try:
        p = bare(
            env={"OPENAI_API_KEY": "sk-of-openai-1234", "HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": authority.file}
        )
        wait_for(lambda: "found OpenAI" in p.output, 10, why=p.output)
        url = p.address() + "/v1"
        wait_for(lambda: len(httpx.get(url + "/models", trust_env=False).json()["data"]) >= 2)
        names = {x["id"] for x in httpx.get(url + "/models", trust_env=False).json()["data"]}
        assert {n.split("/")[-1] for n in names} == {"gpt-one", "gpt-two"}
        for name in ["openai/gpt-one", sorted(names)[0]]:
            r = httpx.post(url + "/chat/completions", json={"model": name, "messages": HELLO}, trust_env=False)
            assert r.status_code == 200, r.text
        assert proxy.heads[0].startswith("CONNECT api.openai.com:443 ")
        assert "sk-of-openai" not in p.output
    finally:
        proxy.close()
        m.stop()


def test_a_local_server_on_its_usual_port_is_found(bare):
    try:
        m = weir.Mock("--models", "llama-of-mine", listen=("--listen", "127.0.0.1:11434"))
    except AssertionError:
        pytest.skip("something listens on 11434 here")
    try:
        p = bare()
        wait_for(lambda: "found Ollama" in p.output, 10, why=p.output)
        url = p.address() + "/v1"
        wait_for(lambda: "llama-of-mine" in httpx.get(url + "/models", trust_env=False).text)
        r = httpx.post(
            url + "/chat/completions", json={"model": "ollama/llama-of-mine", "messages": HELLO}, trust_env=False
        )
        assert r.status_code == 200, r.text
    finally:
        m.stop()


def test_with_nothing_to_be_found(bare):
    p = bare()
    wait_for(lambda: "no provider was found" in p.output or "found " in p.output, 10, why=p.output)
    r = httpx.post(p.address() + "/v1/chat/completions", json={"model": "x", "messages": []}, trust_env=False)
    assert r.status_code == 404


def test_the_config_is_found_in_the_folder(tmp_path, mock):
    (tmp_path / "weir.yaml").write_text(config(mock.base))
    p = weir.Program(["serve"], {"HOME": "/nonexistent"}, cwd=str(tmp_path))
    try:
        r = httpx.post(p.address() + "/v1/chat/completions", json={"model": "m", "messages": HELLO}, trust_env=False)
        assert r.status_code == 200
        assert os.path.basename("weir.yaml") in p.output
        p.check()
        p.stop()
    finally:
        p.kill()
