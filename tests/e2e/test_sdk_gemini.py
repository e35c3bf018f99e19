"""Google's official client for Python (google-genai) against providers of every dialect.

It takes no `?` in a model's name, so the models are the config's aliases and what the mock shall
do stands in its script.
"""

import pydantic
import pytest
from google import genai
from google.genai import errors, types

from foreign import ALL, CLOCK, KEY, PNG, PNG_64, STEPS, WEATHER, calls_are_right, is_steps, prompt_tokens

pytestmark = pytest.mark.timeout(90)

TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="weather", description="Weather ahead.", parameters_json_schema=WEATHER),
            types.FunctionDeclaration(name="clock", parameters_json_schema=CLOCK),
        ]
    )
]
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


def new_client(foreign, key=KEY, base=None, **options):
    return genai.Client(
        api_key=key, http_options=types.HttpOptions(base_url=base or foreign.url, timeout=20000, **options)
    )


@pytest.fixture
def client(foreign):
    return new_client(foreign)


@pytest.fixture(params=ALL)
def to(request):
    return request.param


@pytest.fixture(params=["plain", "stream"])
def mode(request):
    return request.param


class Answer:
    """The parts of an answer in either mode, texts put together."""

    def __init__(self, pieces):
        self.text = self.thought = ""
        self.calls, self.parts, self.finish, self.usage, self.model = [], [], None, None, None
        for r in pieces:
            self.usage = r.usage_metadata or self.usage
            self.model = r.model_version or self.model
            for c in r.candidates or []:
                self.finish = c.finish_reason or self.finish
                for p in (c.content.parts if c.content else None) or []:
                    self.parts.append(p)
                    if p.function_call:
                        self.calls.append(p.function_call)
                    elif p.text and p.thought:
                        self.thought += p.text
                    elif p.text:
                        self.text += p.text


def ask(foreign, client, mode, to, contents, config=None, **options):
    if options:
        foreign.mock.script(options)
    kw = {"model": foreign.plain(to), "contents": contents, "config": config}
    if mode == "plain":
        return Answer([client.models.generate_content(**kw)])
    return Answer(list(client.models.generate_content_stream(**kw)))


def test_text_usage_and_the_end(foreign, client, to, mode):
    a = ask(foreign, client, mode, to, "hello", tokens=7)
    record = foreign.record()
    assert a.text == record["text"] == foreign.mock.text(7)
    assert a.finish == types.FinishReason.STOP
    assert a.usage.prompt_token_count == prompt_tokens(to, record)
    assert a.usage.candidates_token_count == 7
    assert a.usage.total_token_count == a.usage.prompt_token_count + 7


def test_cached_tokens_are_part_of_the_prompt(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama says nothing of caches")
    a = ask(foreign, client, mode, to, "hello", prompt_tokens=100, cached_tokens=60)
    assert a.usage.cached_content_token_count == 60
    assert a.usage.prompt_token_count == prompt_tokens(to, foreign.record())


def test_a_conversation_with_a_system_prompt(foreign, client, to, mode):
    last = 'What is my name? \u00e9\U0001f600 "quoted"\n'
    ask(
        foreign,
        client,
        mode,
        to,
        [
            types.UserContent("My name is Ada."),
            types.ModelContent("Hello, Ada."),
            types.UserContent(last),
        ],
        types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=200, temperature=0.5),
    )
    h = foreign.heard()
    assert h.text("system") == "Be brief."
    assert h.order() == ["user", "assistant", "user"]
    assert h.said("user") == ["My name is Ada.", last]
    assert h.said("assistant") == ["Hello, Ada."]
    assert h.limit == 200


def test_a_chat_remembers(foreign, client, to, mode):
    chat = client.chats.create(model=foreign.plain(to))
    foreign.mock.script({"tokens": 4}, {"tokens": 5})
    for n, said in ((4, "first"), (5, "second")):
        if mode == "plain":
            text = chat.send_message(said).text
        else:
            text = "".join(r.text or "" for r in chat.send_message_stream(said))
        assert text == foreign.mock.text(n)
    h = foreign.heard()
    assert h.said("user") == ["first", "second"]
    assert "".join(h.said("assistant")) == foreign.mock.text(4)


def test_two_calls_and_their_results(foreign, client, to, mode):
    config = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=BY_HAND)
    contents = [types.UserContent("Weather and time?")]
    a = ask(foreign, client, mode, to, contents, config, tools=2)
    calls = [(c.name, c.args) for c in a.calls]
    calls_are_right(calls)
    assert a.finish == types.FinishReason.STOP
    assert foreign.heard().tools["weather"]["required"] == ["city", "days"]

    results = [
        types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"output": said}))
        for c, said in zip(a.calls, ["sunny, 21", "noon"])
    ]
    contents += [types.Content(role="model", parts=a.parts), types.Content(role="user", parts=results)]
    a = ask(foreign, client, mode, to, contents, config, tools=2, tokens=5)
    assert a.text == foreign.mock.text(5) and a.finish == types.FinishReason.STOP
    h = foreign.heard()
    assert h.calls() == calls
    assert h.order() == ["user", "assistant", "tool"]
    both = "|".join(h.results())
    assert "noon" in both and "sunny, 21" in both


def test_functions_are_called_by_the_client_itself(foreign, client, to):
    called = []

    def weather(city: str, days: int) -> str:
        """Weather ahead."""
        called.append((city, days))
        return "sunny, 21"

    foreign.mock.script({"tools": 1}, {"tools": 1, "tokens": 5})
    r = client.models.generate_content(
        model=foreign.plain(to), contents="Weather?", config=types.GenerateContentConfig(tools=[weather])
    )
    assert r.text == foreign.mock.text(5)
    assert len(called) == 1 and isinstance(called[0][1], int)
    h = foreign.heard()
    assert h.calls() == [("weather", {"city": called[0][0], "days": called[0][1]})]
    assert "sunny, 21" in h.results()[0]


def test_a_tool_that_must_be_called(foreign, client, to, mode):
    if to == "ollama":
        pytest.skip("Ollama cannot be told to call")

    def config(names=None):
        calling = types.FunctionCallingConfig(mode="ANY", allowed_function_names=names)
        return types.GenerateContentConfig(
            tools=TOOLS,
            tool_config=types.ToolConfig(function_calling_config=calling),
            automatic_function_calling=BY_HAND,
        )

    a = ask(foreign, client, mode, to, "hello", config())
    assert len(a.calls) == 1
    if to != "cohere":
        a = ask(foreign, client, mode, to, "hello", config(["clock"]))
        assert [c.name for c in a.calls] == ["clock"]


def test_an_image(foreign, client, to, mode):
    ask(foreign, client, mode, to, [types.Part.from_bytes(data=PNG, mime_type="image/png"), "What is this?"])
    h = foreign.heard()
    [(kind, data)] = h.said("user", "image")
    assert data == PNG_64 and kind in ("image/png", "")
    assert h.said("user") == ["What is this?"]


class Steps(pydantic.BaseModel):
    title: str
    count: int
    done: bool
    tags: list[str]


@pytest.mark.parametrize("how", ["class", "json_schema"])
def test_structured_output_is_parsed(foreign, client, to, how):
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        **({"response_schema": Steps} if how == "class" else {"response_json_schema": STEPS}),
    )
    r = client.models.generate_content(model=foreign.plain(to), contents="hello", config=config)
    parsed = r.parsed
    assert is_steps(parsed.model_dump() if how == "class" else parsed)
    assert set(foreign.heard().schema["properties"]) == set(STEPS["properties"])


def thinking(**kw):
    return types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048),
        max_output_tokens=4000,
        automatic_function_calling=BY_HAND,
        **kw,
    )


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "cohere", "ollama", "responses"])
def test_thoughts_are_shown_and_counted(foreign, client, to, mode):
    a = ask(foreign, client, mode, to, "hello", thinking(), reasoning=6, tokens=4)
    assert len(a.thought.split()) == 6
    assert a.text == foreign.mock.text(4)
    assert (a.usage.thoughts_token_count or 0) + a.usage.candidates_token_count == 10
    if to in ("gemini", "responses", "anthropic"):
        assert a.usage.thoughts_token_count == 6


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock", "responses"])
def test_signatures_go_back_to_who_issued_them(foreign, client, to, mode):
    """The simulated providers refuse thinking without its signature, and with another's."""
    contents = [types.UserContent("Weather?")]
    a = ask(foreign, client, mode, to, contents, thinking(tools=TOOLS), tools=2, reasoning=6)
    assert any(p.thought_signature for p in a.parts)
    results = [
        types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"output": "fine"}))
        for c in a.calls
    ]
    contents += [types.Content(role="model", parts=a.parts), types.Content(role="user", parts=results)]
    b = ask(foreign, client, mode, to, contents, thinking(tools=TOOLS), tokens=5, reasoning=6)
    assert b.text == foreign.mock.text(5)
    h = foreign.heard()
    body = foreign.last()["body"]
    assert len(h.calls()) == 2
    if to in ("anthropic", "bedrock"):
        assert "".join(h.said("assistant", "thinking")) == a.thought and b"signature" in body
    elif to == "gemini":
        assert b"thoughtSignature" in body
    else:
        assert b"encrypted_content" in body


@pytest.mark.parametrize("told,said", [("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("stop", "STOP")])
def test_why_it_ended(foreign, client, to, mode, told, said):
    if said == "SAFETY" and to in ("ollama", "cohere"):
        pytest.skip("has no such end")
    a = ask(foreign, client, mode, to, "hello", finish=told, tokens=3)
    assert a.finish == types.FinishReason(said) or (told == "content_filter" and a.finish.name == "PROHIBITED_CONTENT")


def test_a_stop_sequence(foreign, client, to, mode):
    if to == "responses":
        pytest.skip("Responses has no stop sequences")
    config = types.GenerateContentConfig(stop_sequences=["STOP"])
    a = ask(foreign, client, mode, to, "hello", config, text="one two STOP three")
    assert a.text.rstrip() == "one two" and a.finish == types.FinishReason.STOP
    assert foreign.heard().stop == ["STOP"]


def test_counting_tokens(foreign, client):
    for to in ("gemini", "anthropic", "bedrock"):
        foreign.mock.script({"prompt_tokens": 123})
        assert client.models.count_tokens(model=foreign.plain(to), contents="hello").total_tokens == 123, to


def test_models(foreign, client):
    found = {m.name for m in client.models.list()}
    assert {f"models/{d}-model" for d in ALL} <= found
    m = client.models.get(model="anthropic-model")
    assert m.name == "models/anthropic-model"
    assert "generateContent" in m.supported_actions
    with pytest.raises(errors.ClientError) as e:
        client.models.get(model="none")
    assert e.value.code == 404


def test_below_the_prefix_and_as_v1_it_is_the_same(foreign):
    for c in (
        new_client(foreign, base=foreign.url + "/gemini"),
        new_client(foreign, api_version="v1"),
    ):
        foreign.mock.script({"tokens": 3})
        assert c.models.generate_content(model="anthropic-model", contents="x").text == foreign.mock.text(3)
        assert "models/anthropic-model" in {m.name for m in c.models.list()}


# ---- errors --------------------------------------------------------------------------------


def test_an_unknown_model(foreign, client):
    with pytest.raises(errors.ClientError) as e:
        client.models.generate_content(model="no-such", contents="x")
    assert (e.value.code, e.value.status) == (404, "NOT_FOUND")


def test_a_wrong_key(foreign):
    c = new_client(foreign, key="wrong")
    with pytest.raises(errors.ClientError) as e:
        c.models.generate_content(model="openai-model", contents="x")
    assert (e.value.code, e.value.status) == (401, "UNAUTHENTICATED")
    assert foreign.mock.records() == []


def test_what_the_provider_refuses(foreign, client, to):
    with pytest.raises(errors.ClientError) as e:
        ask(foreign, client, "plain", to, "x", status=400, error_message="that is too hot")
    assert (e.value.code, e.value.status) == (400, "INVALID_ARGUMENT")
    assert "that is too hot" in e.value.message


def test_a_rate_limit_is_retried_by_the_client(foreign, client, to):
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * 2)
    with pytest.raises(errors.ClientError) as e:
        client.models.generate_content(model=foreign.plain(to), contents="x")
    assert (e.value.code, e.value.status) == (429, "RESOURCE_EXHAUSTED")
    n = len(foreign.mock.records())
    foreign.mock.script(*[{"status": 429, "retry_after": "0"}] * n, {"tokens": 3})
    patient = new_client(foreign, retry_options=types.HttpRetryOptions(attempts=2, initial_delay=0.01))
    assert patient.models.generate_content(model=foreign.plain(to), contents="x").text == foreign.mock.text(3)


@pytest.mark.parametrize("fault", ["error_mid", "truncate", "cut"])
def test_a_stream_that_breaks_never_looks_like_an_end(foreign, client, to, fault):
    foreign.mock.script({"tokens": 8, "fail": fault})
    got, finish = "", None
    with pytest.raises(errors.APIError):
        for r in client.models.generate_content_stream(model=foreign.plain(to), contents="hello"):
            got += r.text or ""
            finish = r.candidates[0].finish_reason or finish
    assert got and foreign.mock.text(8).startswith(got) and got != foreign.mock.text(8)
    assert finish is None


def test_leaving_a_stream_cancels_the_provider(foreign, client, to):
    foreign.mock.script({"tokens": 1000, "gap": "10ms"})
    s = client.models.generate_content_stream(model=foreign.plain(to), contents="x")
    for n, _ in enumerate(s):
        if n == 5:
            break
    s.close()
    del s
    client.close()
    record = foreign.record()
    assert record["end"] == "cancelled"
    assert 0 < record["text_sent"] < len(record["text"])
