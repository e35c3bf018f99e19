"""What the tests share: two simulated providers, one gateway in front of them.

A test that needs another configuration starts its own with `start`.  After every test the
programs must still run and no sanitizer may have complained; in the end they must stop
cleanly.
"""

import openai
import pytest

import weir

pytest_plugins = ["foreign"]

KEY = "sk-client-0123456789abcdef"
LIMITED_KEY = "sk-limited-0123456789abcdef"
UPSTREAM_KEY = "sk-upstream-fedcba9876543210"

CONFIG = """
listen: 127.0.0.1:0
workers: 2
log: {{format: logfmt, level: info}}
keys:
  - {{name: app, key: {key}}}
  - {{name: limited, key: {limited}, models: ["allowed*"]}}
limits: {{body: 2MiB}}
timeouts: {{connect: 1s, first_content: 1500ms, stall: 1500ms, total: 20s}}
retries: {{attempts: 2, backoff: 20ms, backoff_max: 50ms, retry_after_max: 2s}}
breaker: {{failures: 0, error_rate: 0%}}
providers:
  a: {{base_url: "{a}", api_key: {upstream}}}
  b: {{base_url: "{b}", api_key: {upstream}}}
  limits: {{base_url: "{a}", api_key: {upstream}}}
  dead: {{base_url: "http://127.0.0.1:1/v1", api_key: none}}
models:
  plain: a/plain
  two: [a/first, b/second]
  # A Retry-After puts a deployment to rest: these are for the tests of that.
  rated-1: limits/rated-1
  rated-2: limits/rated-2
  rated-3: limits/rated-3
  rated-4: limits/rated-4
  rated-5: limits/rated-5
  rated-6: limits/rated-6
  rated-pair: [limits/rated-7, b/second]
  dead-first: [dead/x, b/second]
  all-dead: [dead/x, dead/y]
  allowed-one: a/plain
"""


@pytest.fixture(scope="session")
def mock_a():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="session")
def mock_b():
    m = weir.Mock()
    yield m
    m.stop()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, mock_a, mock_b):
    config = CONFIG.format(key=KEY, limited=LIMITED_KEY, upstream=UPSTREAM_KEY, a=mock_a.base, b=mock_b.base)
    g = weir.Gateway(tmp_path_factory.mktemp("gateway"), config)
    g.auth = {"authorization": "Bearer " + KEY}
    yield g
    g.stop()


@pytest.fixture
def gw(gateway, mock_a, mock_b):
    """The shared gateway, with nothing left of the test before."""
    mock_a.reset()
    mock_b.reset()
    gateway.mark()
    yield gateway
    for program in (gateway, mock_a, mock_b):
        program.check()


@pytest.fixture
def start(tmp_path_factory):
    """start(config, ...) -> a gateway of the test's own, stopped in its end."""
    started = []

    def new(config, **kw):
        g = weir.Gateway(tmp_path_factory.mktemp("own"), config, **kw)
        started.append(g)
        return g

    yield new
    try:
        for g in started:
            if g.alive():
                g.check()
                g.stop()
    finally:
        for g in started:
            g.kill()


@pytest.fixture
def mock(mock_a):
    """One simulated provider, its records empty."""
    mock_a.reset()
    yield mock_a
    mock_a.check()


class Target:
    """Where a client is pointed at: the mock itself (which proves the mock) or the gateway."""

    def __init__(self, name, base, key, prefix):
        self.name, self.base, self.key, self.prefix = name, base, key, prefix

    def model(self, name="m", **options):
        return weir.model(self.prefix + name, **options)

    def client(self, **kw):
        kw.setdefault("max_retries", 0)
        kw.setdefault("timeout", 20)
        return openai.OpenAI(base_url=self.base, api_key=self.key, **kw)

    def async_client(self, **kw):
        kw.setdefault("max_retries", 0)
        kw.setdefault("timeout", 40)
        return openai.AsyncOpenAI(base_url=self.base, api_key=self.key, **kw)


@pytest.fixture(params=["mock", "gateway"])
def target(request):
    if request.param == "mock":
        m = request.getfixturevalue("mock")
        return Target("mock", m.base, "any", "")
    g = request.getfixturevalue("gw")
    return Target("gateway", g.base, KEY, "a/")


@pytest.fixture
def via(gw):
    """The gateway as a target."""
    return Target("gateway", gw.base, KEY, "a/")


def pytest_terminal_summary(terminalreporter):
    """The line that tools/run-tests reads."""
    stats = terminalreporter.stats
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    terminalreporter.write_line(f"{len(stats.get('passed', []))} passed, {failed} failed")
