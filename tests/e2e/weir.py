"""The programs under test, as the tests see them."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import httpx

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("WEIR_BIN", os.path.join(ROOT, "build-asan", "weir"))
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|invariant|SUMMARY: ")
NO_ENV = re.compile(r".*(_API_KEY|_PROXY|_proxy|_TOKEN)$|SSL_CERT_.*", re.A)
START_S = 20

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


def clean_env(extra=None):
    """What a program is started with: no key and no proxy of whoever runs the tests."""
    env = {k: v for k, v in os.environ.items() if not NO_ENV.match(k)}
    env.update(SANITIZERS)
    env.update(extra or {})
    return env


def wait_for(what, seconds=10, every=0.02, why="it did not happen in time"):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, why
        time.sleep(every)


class Program:
    """One process of weir, its output read all the time."""

    def __init__(self, args, env=None, cwd=None):
        self.args = args
        self.lines = []  # of stdout and stderr
        self.process = subprocess.Popen(
            [BIN, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_env(env),
            cwd=cwd,
            text=True,
            errors="replace",
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self):
        return "\n".join(self.lines)

    def alive(self):
        return self.process.poll() is None

    def address(self, scheme="http", nth=0):
        """The nth address that the program said it listens on."""

        def look():
            found = re.findall(rf"listening on ({scheme}://\S+)", self.output)
            assert self.alive() or len(found) > nth, f"{self.args} ended:\n{self.output}"
            return found[nth] if len(found) > nth else None

        return wait_for(look, START_S, why=f"{self.args} did not say where it listens:\n{self.output}")

    def check(self):
        """It runs, and no sanitizer has complained."""
        assert self.alive(), f"{self.args} ended with {self.process.returncode}:\n{self.output[-6000:]}"
        assert not REPORT.search(self.output), self.output[-6000:]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=40):
        """SIGTERM, and the exit that must be clean."""
        if self.alive():
            self.signal(signal.SIGTERM)
        self.end(seconds)

    def end(self, seconds=40):
        """It was told to stop already."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.args} did not stop:\n{self.output[-3000:]}") from None
        self.reader.join(5)
        assert not REPORT.search(self.output), self.output[-6000:]
        assert code == 0, f"{self.args} ended with {code}:\n{self.output[-3000:]}"

    def kill(self):
        if self.alive():
            self.process.kill()
        self.process.wait()


class Mock(Program):
    """`weir mock`: a provider that does as it is told, and its records."""

    def __init__(self, *args, listen=("--listen", "127.0.0.1:0"), env=None):
        super().__init__(["mock", *listen, *args], env)
        self.http = httpx.Client(trust_env=False, timeout=20)
        scheme = "https" if "--listen" not in listen else "http"
        self.url = self.address(scheme)
        self.port = urllib.parse.urlsplit(self.url).port

    @property
    def base(self):
        return self.url + "/v1"

    def script(self, *items):
        """Behaviours of the next requests, in order."""
        r = self.http.post(self.url + "/mock/script", content=json.dumps(items))
        assert r.status_code == 200, r.text

    def options(self, query):
        r = self.http.post(self.url + "/mock/options", content=query)
        assert r.status_code == 200, r.text

    def reset(self):
        """Forgets scripts and records."""
        self.http.delete(self.url + "/mock/script")
        wait_for(lambda: self.health()["open_requests"] == 0, 10, why="requests are still open at the mock")
        self.http.delete(self.url + "/mock/records")

    def health(self):
        return self.http.get(self.url + "/mock/health").json()

    def records(self, since=0):
        found = self.http.get(self.url + f"/mock/records?since={since}").json()
        for r in found:
            r["body"] = base64.b64decode(r["body_b64"])
            r["header"] = {k.lower(): v for k, v in r["headers"]}
        return found

    def record(self, seconds=10):
        """The one request there was, once it has ended."""
        wait_for(lambda: any(r["end"] != "open" for r in self.records()), seconds)
        found = self.records()
        assert len(found) == 1, [(r["model"], r["end"]) for r in found]
        return found[0]

    def text(self, tokens):
        return self.http.get(self.url + f"/mock/text?tokens={tokens}").json()["text"]

    def end(self, seconds=40):
        self.http.close()
        super().end(seconds)


def logfmt(line):
    """A line of key=value as a dict; values may be quoted like JSON."""
    found = {}
    for k, v in re.findall(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)', line):
        found[k] = json.loads(v) if v.startswith('"') else v
    return found


class Gateway(Program):
    """`weir serve` with a config file of the test."""

    def __init__(self, folder, config, env=None, args=()):
        self.config = os.path.join(folder, "weir.yaml")
        self.write(config)
        super().__init__(["serve", "--config", self.config, *args], env, cwd=folder)
        self.http = httpx.Client(trust_env=False, timeout=30)
        self.url = self.address("https?")
        self.port = urllib.parse.urlsplit(self.url).port
        self.marker = None
        self.auth = {}

    @property
    def base(self):
        return self.url + "/v1"

    def write(self, config):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config)

    def mark(self):
        """What is logged of requests before now is not looked at any more: the log comes late."""
        self.marker = f"marker-{time.monotonic_ns()}"
        self.http.post(self.base + "/chat/completions", json={"model": self.marker}, headers=self.auth)

    def events(self, name):
        """The log's events of that name, as dicts."""
        found = []
        lines = list(self.lines)
        if self.marker is not None:
            at = [i for i, line in enumerate(lines) if self.marker in line]
            lines = lines[at[0] + 1 :] if at else []
        for line in lines:
            if line.startswith("{"):
                with contextlib.suppress(ValueError):
                    e = json.loads(line)
                    if e.get("event") == name:
                        found.append(e)
            elif f"event={name}" in line:
                found.append(logfmt(line))
        return found

    def access(self, n=1, seconds=5):
        """The first n access records, once they are written."""
        wait_for(lambda: len(self.events("access")) >= n, seconds, why=f"no {n} access records:\n{self.output[-2000:]}")
        return self.events("access")

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.http.get(self.url + "/metrics").text.splitlines():
            m = re.fullmatch(r"([a-z_:]+)(?:\{(.*)\})? (\S+)", line)
            if not m or m.group(1) != name:
                continue
            got = dict(re.findall(r'(\w+)="([^"]*)"', m.group(2) or ""))
            if all(got.get(k) == v for k, v in labels.items()):
                total += float(m.group(3))
        return total

    def reload(self, config=None):
        if config is not None:
            self.write(config)
        before = len([line for line in self.lines if "reload" in line])
        self.signal(signal.SIGHUP)
        wait_for(lambda: len([line for line in self.lines if "reload" in line]) > before, 10, why="no word of a reload")

    def end(self, seconds=40):
        self.http.close()
        super().end(seconds)


def run(*args, env=None, cwd=None, timeout=30):
    """A command that ends by itself."""
    return subprocess.run(
        [BIN, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_env(env),
        cwd=cwd,
        text=True,
        timeout=timeout,
        check=False,
    )


def model(name, **options):
    """A model's name with the mock's options in it: model("a/m", fail="stall")."""
    if not options:
        return name
    return name + "?" + urllib.parse.urlencode(options)


HELLO = [{"role": "user", "content": "hello"}]
