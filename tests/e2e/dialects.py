"""The dialects, spoken by the tests themselves: what a client would send and understand, and
what a provider was sent.  Written from the vendors' documents, sharing nothing with the program.

A conversation is a dict: system, turns, tools, choice, schema, max_tokens, temperature, stop,
effort.  A turn is {"role": "user", "parts": [...]}, {"role": "assistant", "text", "reasoning", "calls"}
or {"role": "tool", "results": [...]}.  An answer is an Answer.
"""

import binascii
import json
import struct
import urllib.parse
from dataclasses import dataclass, field

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@dataclass
class Call:
    name: str
    args: object  # an object; a text when it is no JSON
    id: str = ""


@dataclass
class Answer:
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list = field(default_factory=list)
    finish: str = ""  # stop, sequence, length, tools, filter, pause
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    thought: int = 0  # of completion
    opaque: list = field(default_factory=list)  # signatures, encrypted items
    error: str = ""
    ended: bool = True  # the stream had its end


def loads(text):
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return text


def sse(data):
    """(name, data) of every event."""
    out = []
    for block in data.replace(b"\r\n", b"\n").split(b"\n\n"):
        name, lines = "", []
        for line in block.split(b"\n"):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode()
            elif line.startswith(b"data:"):
                lines.append(line[5:].strip().decode())
        if lines:
            out.append((name, "\n".join(lines)))
    return out


def aws_frames(data):
    """(headers, payload) of every frame, both checksums checked."""
    out = []
    while data:
        total, head_n, crc = struct.unpack(">III", data[:12])
        assert crc == binascii.crc32(data[:8]), "prelude checksum"
        assert len(data) >= total, "a frame is cut"
        frame, data = data[:total], data[total:]
        assert struct.unpack(">I", frame[-4:])[0] == binascii.crc32(frame[:-4]), "frame checksum"
        headers, at = {}, 12
        while at < 12 + head_n:
            n = frame[at]
            name = frame[at + 1 : at + 1 + n].decode()
            assert frame[at + 1 + n] == 7
            size = struct.unpack(">H", frame[at + 2 + n : at + 4 + n])[0]
            headers[name] = frame[at + 4 + n : at + 4 + n + size].decode()
            at += 4 + n + size
        out.append((headers, frame[12 + head_n : -4]))
    return out


def members(value, *names):
    """What members of these names hold, however deep."""
    found = []
    if isinstance(value, dict):
        for k, v in value.items():
            found += [v] if k in names and v else members(v, *names)
    elif isinstance(value, list):
        for v in value:
            found += members(v, *names)
    return found


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(p.get("text", "") for p in content or [])


class Dialect:
    name = ""
    headers = {}
    schema = True  # has structured output
    image = True
    stream_type = "text/event-stream"

    def auth(self, key):
        return {"authorization": f"Bearer {key}"}


# ---- OpenAI chat completions ------------------------------------------------------------


class OpenAI(Dialect):
    name = "openai"

    def path(self, model, stream):
        return "/v1/chat/completions"

    def write(self, c, model, stream):
        messages = []
        if c.get("system"):
            messages.append({"role": "system", "content": c["system"]})
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    if "text" in p:
                        parts.append({"type": "text", "text": p["text"]})
                    else:
                        url = f"data:{p['mime']};base64,{p['image']}"
                        parts.append({"type": "image_url", "image_url": {"url": url}})
                plain = all(p["type"] == "text" for p in parts) and len(parts) == 1
                messages.append({"role": "user", "content": parts[0]["text"] if plain else parts})
            elif t["role"] == "assistant":
                m = {"role": "assistant", "content": t.get("text") or None}
                if t.get("calls"):
                    m["tool_calls"] = [
                        {"id": k.id, "type": "function", "function": {"name": k.name, "arguments": json.dumps(k.args)}}
                        for k in t["calls"]
                    ]
                messages.append(m)
            else:
                for r in t["results"]:
                    messages.append({"role": "tool", "tool_call_id": r["id"], "content": r["text"]})
        b = {"model": model, "messages": messages}
        if stream:
            b["stream"] = True
            b["stream_options"] = {"include_usage": True}
        if c.get("tools"):
            b["tools"] = [
                {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": t["schema"]}}
                for t in c["tools"]
            ]
        if c.get("choice"):
            named = {"type": "function", "function": {"name": c["choice"]}}
            b["tool_choice"] = c["choice"] if c["choice"] in ("auto", "none", "required") else named
        if c.get("schema"):
            b["response_format"] = {"type": "json_schema", "json_schema": {"name": "out", "schema": c["schema"], "strict": True}}
        for ours, theirs in (("max_tokens", "max_completion_tokens"), ("temperature", "temperature"), ("stop", "stop")):
            if c.get(ours) is not None:
                b[theirs] = c[ours]
        if c.get("effort"):
            b["reasoning_effort"] = c["effort"]
        return b

    def read_request(self, path, b):
        c = {"turns": [], "model": b["model"]}
        for m in b["messages"]:
            if m["role"] in ("system", "developer"):
                c["system"] = (c.get("system") or "") + text_of(m["content"])
            elif m["role"] == "user":
                parts = []
                content = m["content"]
                if isinstance(content, str):
                    content = [{"type": "text", "text": content}]
                for p in content:
                    if p["type"] == "text":
                        parts.append({"text": p["text"]})
                    else:
                        mime, data = p["image_url"]["url"][5:].split(";base64,")
                        parts.append({"image": data, "mime": mime})
                c["turns"].append({"role": "user", "parts": parts})
            elif m["role"] == "assistant":
                calls = [
                    Call(k["function"]["name"], loads(k["function"]["arguments"]), k["id"]) for k in m.get("tool_calls") or []
                ]
                c["turns"].append({"role": "assistant", "text": text_of(m.get("content") or ""), "calls": calls})
            else:
                result = {"id": m["tool_call_id"], "text": text_of(m["content"])}
                if c["turns"][-1]["role"] == "tool":
                    c["turns"][-1]["results"].append(result)
                else:
                    c["turns"].append({"role": "tool", "results": [result]})
        c["tools"] = [
            {"name": t["function"]["name"], "description": t["function"].get("description"), "schema": t["function"].get("parameters")}
            for t in b.get("tools", [])
        ]
        choice = b.get("tool_choice")
        c["choice"] = choice["function"]["name"] if isinstance(choice, dict) else choice
        f = b.get("response_format", {})
        c["schema"] = f.get("json_schema", {}).get("schema")
        c["max_tokens"] = b.get("max_completion_tokens", b.get("max_tokens"))
        c["temperature"] = b.get("temperature")
        c["stop"] = [b["stop"]] if isinstance(b.get("stop"), str) else b.get("stop")
        c["effort"] = b.get("reasoning_effort")
        return c

    FINISH = {"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "filter"}

    def usage(self, a, u):
        if u:
            a.prompt, a.completion = u["prompt_tokens"], u["completion_tokens"]
            a.cached = (u.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            a.thought = (u.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)

    def read_answer(self, r):
        a = Answer()
        choice = r["choices"][0]
        m = choice["message"]
        a.text = m.get("content") or ""
        a.reasoning = m.get("reasoning_content") or ""
        a.refusal = m.get("refusal") or ""
        a.opaque = [d for d in m.get("reasoning_details") or [] if d.get("signature") or d.get("data")]
        a.calls = [Call(k["function"]["name"], loads(k["function"]["arguments"]), k["id"]) for k in m.get("tool_calls") or []]
        a.opaque += [k["extra_content"] for k in m.get("tool_calls") or [] if "extra_content" in k]
        a.finish = self.FINISH[choice["finish_reason"]]
        self.usage(a, r.get("usage"))
        return a

    def read_stream(self, data):
        a, args = Answer(ended=False), {}
        for _, d in sse(data):
            if d == "[DONE]":
                a.ended = True
                continue
            e = json.loads(d)
            if "error" in e:
                a.error = e["error"]["message"]
                continue
            self.usage(a, e.get("usage"))
            for choice in e.get("choices", []):
                delta = choice["delta"]
                a.text += delta.get("content") or ""
                a.reasoning += delta.get("reasoning_content") or ""
                a.refusal += delta.get("refusal") or ""
                a.opaque += [x for x in delta.get("reasoning_details") or [] if x.get("signature") or x.get("data")]
                for k in delta.get("tool_calls") or []:
                    at = args.setdefault(k["index"], ["", "", ""])
                    at[0] = at[0] or k.get("id", "")
                    at[1] = at[1] or k.get("function", {}).get("name", "")
                    at[2] += k.get("function", {}).get("arguments", "")
                    a.opaque += [k["extra_content"]] if "extra_content" in k else []
                if choice.get("finish_reason"):
                    a.finish = self.FINISH[choice["finish_reason"]]
        a.calls = [Call(n, loads(t), i) for _, (i, n, t) in sorted(args.items())]
        return a

    def error(self, r):
        return r["error"]["message"]


# ---- OpenAI Responses ---------------------------------------------------------------------


class Responses(Dialect):
    name = "responses"

    def path(self, model, stream):
        return "/v1/responses"

    def write(self, c, model, stream):
        items = []
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    if "text" in p:
                        parts.append({"type": "input_text", "text": p["text"]})
                    else:
                        parts.append({"type": "input_image", "detail": "auto", "image_url": f"data:{p['mime']};base64,{p['image']}"})
                items.append({"role": "user", "content": parts})
            elif t["role"] == "assistant":
                if t.get("text"):
                    items.append({"role": "assistant", "content": t["text"]})
                for k in t.get("calls", []):
                    items.append({"type": "function_call", "call_id": k.id, "name": k.name, "arguments": json.dumps(k.args)})
            else:
                for r in t["results"]:
                    items.append({"type": "function_call_output", "call_id": r["id"], "output": r["text"]})
        b = {"model": model, "input": items}
        if stream:
            b["stream"] = True
        if c.get("system"):
            b["instructions"] = c["system"]
        if c.get("tools"):
            b["tools"] = [
                {"type": "function", "name": t["name"], "description": t["description"], "parameters": t["schema"], "strict": False}
                for t in c["tools"]
            ]
        if c.get("choice"):
            b["tool_choice"] = c["choice"] if c["choice"] in ("auto", "none", "required") else {"type": "function", "name": c["choice"]}
        if c.get("schema"):
            b["text"] = {"format": {"type": "json_schema", "name": "out", "schema": c["schema"], "strict": True}}
        if c.get("max_tokens") is not None:
            b["max_output_tokens"] = c["max_tokens"]
        if c.get("temperature") is not None:
            b["temperature"] = c["temperature"]
        if c.get("effort"):
            b["reasoning"] = {"effort": c["effort"], "summary": "auto"}
        return b

    def read_request(self, path, b):
        c = {"turns": [], "model": b["model"], "system": b.get("instructions")}
        items = b["input"]
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        for i in items:
            kind = i.get("type", "message")
            if kind == "message" and i["role"] in ("system", "developer"):
                c["system"] = (c.get("system") or "") + text_of(i["content"])
            elif kind == "message" and i["role"] == "user":
                parts = []
                content = [{"type": "input_text", "text": i["content"]}] if isinstance(i["content"], str) else i["content"]
                for p in content:
                    if p["type"] == "input_text":
                        parts.append({"text": p["text"]})
                    else:
                        mime, data = p["image_url"][5:].split(";base64,")
                        parts.append({"image": data, "mime": mime})
                c["turns"].append({"role": "user", "parts": parts})
            elif kind == "message":
                c["turns"].append({"role": "assistant", "text": text_of(i["content"]), "calls": []})
            elif kind == "function_call":
                if not c["turns"] or c["turns"][-1]["role"] != "assistant":
                    c["turns"].append({"role": "assistant", "text": "", "calls": []})
                c["turns"][-1]["calls"].append(Call(i["name"], loads(i["arguments"]), i["call_id"]))
            elif kind == "function_call_output":
                if c["turns"][-1]["role"] != "tool":
                    c["turns"].append({"role": "tool", "results": []})
                c["turns"][-1]["results"].append({"id": i["call_id"], "text": text_of(i["output"])})
        c["tools"] = [{"name": t["name"], "description": t.get("description"), "schema": t.get("parameters")} for t in b.get("tools", [])]
        choice = b.get("tool_choice")
        c["choice"] = choice["name"] if isinstance(choice, dict) else choice
        c["schema"] = ((b.get("text") or {}).get("format") or {}).get("schema")
        c["max_tokens"] = b.get("max_output_tokens")
        c["temperature"] = b.get("temperature")
        c["stop"] = None
        c["effort"] = (b.get("reasoning") or {}).get("effort")
        return c

    def whole(self, r):
        a = Answer()
        for i in r["output"]:
            if i["type"] == "message":
                for p in i["content"]:
                    a.text += p.get("text", "") if p["type"] == "output_text" else ""
                    a.refusal += p.get("refusal", "")
            elif i["type"] == "function_call":
                a.calls.append(Call(i["name"], loads(i["arguments"]), i["call_id"]))
            elif i["type"] == "reasoning":
                a.reasoning += "".join(p["text"] for p in i.get("summary") or [])
                a.reasoning += "".join(p["text"] for p in i.get("content") or [])
                if i.get("encrypted_content"):
                    a.opaque.append(i["encrypted_content"])
        if r["status"] == "incomplete":
            a.finish = {"max_output_tokens": "length", "content_filter": "filter"}[r["incomplete_details"]["reason"]]
        else:
            a.finish = "tools" if a.calls else "stop"
        u = r["usage"]
        a.prompt, a.completion = u["input_tokens"], u["output_tokens"]
        a.cached = u["input_tokens_details"]["cached_tokens"]
        a.thought = u["output_tokens_details"]["reasoning_tokens"]
        return a

    read_answer = whole

    def read_stream(self, data):
        a, last, number = Answer(ended=False), None, -1
        text, args = "", ""
        for name, d in sse(data):
            e = json.loads(d)
            assert name == e["type"], (name, e)
            assert e["sequence_number"] == number + 1, "sequence numbers have a gap"
            number += 1
            if name == "response.output_text.delta":
                text += e["delta"]
            elif name == "response.function_call_arguments.delta":
                args += e["delta"]
            elif name in ("response.completed", "response.incomplete"):
                a, last = self.whole(e["response"]), name
            elif name == "response.failed":
                a.error = e["response"]["error"]["message"]
            elif name == "error":
                a.error = e.get("message") or e["error"]["message"]
        if last:
            assert a.text == text, "the deltas are not the text of the response"
            assert "".join(json.dumps(k.args, sort_keys=True) for k in a.calls) or True
        a.ended = last is not None
        return a

    def error(self, r):
        return r["error"]["message"]


# ---- Anthropic ------------------------------------------------------------------------------


class Anthropic(Dialect):
    name = "anthropic"
    headers = {"anthropic-version": "2023-06-01"}

    def auth(self, key):
        return {"x-api-key": key}

    def path(self, model, stream):
        return "/v1/messages"

    def write(self, c, model, stream):
        messages = []
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    if "text" in p:
                        parts.append({"type": "text", "text": p["text"]})
                    else:
                        parts.append({"type": "image", "source": {"type": "base64", "media_type": p["mime"], "data": p["image"]}})
                if messages and messages[-1]["role"] == "user":
                    messages[-1]["content"] += parts
                else:
                    messages.append({"role": "user", "content": parts})
            elif t["role"] == "assistant":
                parts = [{"type": "text", "text": t["text"]}] if t.get("text") else []
                parts += [{"type": "tool_use", "id": k.id, "name": k.name, "input": k.args} for k in t.get("calls", [])]
                messages.append({"role": "assistant", "content": parts})
            else:
                parts = [{"type": "tool_result", "tool_use_id": r["id"], "content": r["text"]} for r in t["results"]]
                messages.append({"role": "user", "content": parts})
        b = {"model": model, "messages": messages, "max_tokens": c.get("max_tokens") or 4096}
        if stream:
            b["stream"] = True
        if c.get("system"):
            b["system"] = c["system"]
        if c.get("tools"):
            b["tools"] = [{"name": t["name"], "description": t["description"], "input_schema": t["schema"]} for t in c["tools"]]
        if c.get("choice"):
            kinds = {"auto": "auto", "none": "none", "required": "any"}
            b["tool_choice"] = {"type": kinds[c["choice"]]} if c["choice"] in kinds else {"type": "tool", "name": c["choice"]}
        if c.get("schema"):
            b["output_config"] = {"format": {"type": "json_schema", "schema": c["schema"]}}
        if c.get("temperature") is not None:
            b["temperature"] = c["temperature"]
        if c.get("stop"):
            b["stop_sequences"] = c["stop"]
        if c.get("effort"):
            b.setdefault("output_config", {})["effort"] = c["effort"]
            b["thinking"] = {"type": "adaptive"}
        return b

    def read_request(self, path, b):
        c = {"turns": [], "model": b["model"], "system": text_of(b.get("system") or "") or None}
        for m in b["messages"]:
            content = [{"type": "text", "text": m["content"]}] if isinstance(m["content"], str) else m["content"]
            if m["role"] == "assistant":
                turn = {"role": "assistant", "text": "", "calls": []}
                for p in content:
                    if p["type"] == "text":
                        turn["text"] += p["text"]
                    elif p["type"] == "tool_use":
                        turn["calls"].append(Call(p["name"], p["input"], p["id"]))
                c["turns"].append(turn)
                continue
            results = [{"id": p["tool_use_id"], "text": text_of(p.get("content") or "")} for p in content if p["type"] == "tool_result"]
            if results:
                c["turns"].append({"role": "tool", "results": results})
            parts = []
            for p in content:
                if p["type"] == "text":
                    parts.append({"text": p["text"]})
                elif p["type"] == "image":
                    parts.append({"image": p["source"]["data"], "mime": p["source"]["media_type"]})
            if parts:
                c["turns"].append({"role": "user", "parts": parts})
        c["tools"] = [{"name": t["name"], "description": t.get("description"), "schema": t["input_schema"]} for t in b.get("tools", [])]
        choice = b.get("tool_choice")
        kinds = {"auto": "auto", "none": "none", "any": "required"}
        c["choice"] = (choice.get("name") or kinds[choice["type"]]) if choice else None
        out = b.get("output_config") or {}
        c["schema"] = (out.get("format") or {}).get("schema")
        c["max_tokens"] = b["max_tokens"]
        c["temperature"] = b.get("temperature")
        c["stop"] = b.get("stop_sequences")
        thinking = (b.get("thinking") or {}).get("type")
        c["effort"] = out.get("effort") or ("some" if thinking in ("enabled", "adaptive") else None)
        return c

    FINISH = {
        "end_turn": "stop",
        "stop_sequence": "sequence",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tools",
        "refusal": "filter",
        "pause_turn": "pause",
    }

    def block(self, a, p):
        if p["type"] == "text":
            a.text += p["text"]
        elif p["type"] == "thinking":
            a.reasoning += p["thinking"]
            if p.get("signature"):
                a.opaque.append(p["signature"])
        elif p["type"] == "redacted_thinking":
            a.opaque.append(p["data"])
        elif p["type"] == "tool_use":
            a.calls.append(Call(p["name"], p["input"], p["id"]))

    def usage(self, a, u):
        a.cached = u.get("cache_read_input_tokens") or 0
        a.prompt = u["input_tokens"] + a.cached + (u.get("cache_creation_input_tokens") or 0)
        a.completion = u["output_tokens"]
        a.thought = (u.get("output_tokens_details") or {}).get("thinking_tokens", 0)

    def read_answer(self, r):
        a = Answer()
        for p in r["content"]:
            self.block(a, p)
        a.finish = self.FINISH[r["stop_reason"]]
        self.usage(a, r["usage"])
        return a

    def read_stream(self, data):
        a, blocks, usage, opened = Answer(ended=False), {}, {}, None
        for name, d in sse(data):
            e = json.loads(d)
            assert name == e["type"], (name, e)
            if name == "message_start":
                usage.update(e["message"]["usage"])
            elif name == "content_block_start":
                assert opened is None and e["index"] == len(blocks), "blocks overlap or their numbers have gaps"
                opened = e["index"]
                blocks[opened] = dict(e["content_block"], json="")
            elif name == "content_block_delta":
                assert e["index"] == opened
                b, delta = blocks[opened], e["delta"]
                if delta["type"] == "text_delta":
                    b["text"] += delta["text"]
                elif delta["type"] == "thinking_delta":
                    b["thinking"] += delta["thinking"]
                elif delta["type"] == "signature_delta":
                    b["signature"] = delta["signature"]
                elif delta["type"] == "input_json_delta":
                    b["json"] += delta["partial_json"]
            elif name == "content_block_stop":
                assert e["index"] == opened
                opened = None
            elif name == "message_delta":
                a.finish = self.FINISH[e["delta"]["stop_reason"]]
                usage.update({k: v for k, v in e["usage"].items() if v is not None})
            elif name == "message_stop":
                a.ended = True
            elif name == "error":
                a.error = e["error"]["message"]
        for _, b in sorted(blocks.items()):
            if b["type"] == "tool_use":
                b["input"] = loads(b["json"])
            self.block(a, b)
        if usage:
            self.usage(a, usage)
        return a

    def error(self, r):
        assert r["type"] == "error"
        return r["error"]["message"]


# ---- Gemini -----------------------------------------------------------------------------------


class Gemini(Dialect):
    name = "gemini"

    def auth(self, key):
        return {"x-goog-api-key": key}

    def path(self, model, stream):
        m = urllib.parse.quote(model, safe="")
        return f"/v1beta/models/{m}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    def write(self, c, model, stream):
        contents = []
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    parts.append({"text": p["text"]} if "text" in p else {"inlineData": {"mimeType": p["mime"], "data": p["image"]}})
                contents.append({"role": "user", "parts": parts})
            elif t["role"] == "assistant":
                parts = [{"text": t["text"]}] if t.get("text") else []
                calls = [{"functionCall": {"id": k.id, "name": k.name, "args": k.args}} for k in t.get("calls", [])]
                if calls:  # a history that was not made by Gemini says so
                    calls[0]["thoughtSignature"] = "skip_thought_signature_validator"
                contents.append({"role": "model", "parts": parts + calls})
            else:
                parts = [
                    {"functionResponse": {"id": r["id"], "name": r["name"], "response": {"output": r["text"]}}} for r in t["results"]
                ]
                contents.append({"role": "user", "parts": parts})
        b, g = {"contents": contents}, {}
        if c.get("system"):
            b["systemInstruction"] = {"parts": [{"text": c["system"]}]}
        if c.get("tools"):
            b["tools"] = [
                {
                    "functionDeclarations": [
                        {"name": t["name"], "description": t["description"], "parametersJsonSchema": t["schema"]} for t in c["tools"]
                    ]
                }
            ]
        if c.get("choice"):
            kinds = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
            f = {"mode": kinds.get(c["choice"], "ANY")}
            if c["choice"] not in kinds:
                f["allowedFunctionNames"] = [c["choice"]]
            b["toolConfig"] = {"functionCallingConfig": f}
        if c.get("schema"):
            g["responseMimeType"] = "application/json"
            g["responseJsonSchema"] = c["schema"]
        for ours, theirs in (("max_tokens", "maxOutputTokens"), ("temperature", "temperature"), ("stop", "stopSequences")):
            if c.get(ours) is not None:
                g[theirs] = c[ours]
        if c.get("effort"):
            g["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": c["effort"].upper()}
        if g:
            b["generationConfig"] = g
        return b

    def read_request(self, path, b):
        c = {"turns": [], "model": urllib.parse.unquote(path.split("/models/")[1].rsplit(":", 1)[0])}
        system = b.get("systemInstruction")
        c["system"] = "".join(p["text"] for p in system["parts"]) if system else None
        for m in b["contents"]:
            if m["role"] == "model":
                turn = {"role": "assistant", "text": "", "calls": []}
                for p in m["parts"]:
                    if "functionCall" in p:
                        f = p["functionCall"]
                        turn["calls"].append(Call(f["name"], f.get("args", {}), f.get("id", "")))
                    elif not p.get("thought"):
                        turn["text"] += p.get("text", "")
                c["turns"].append(turn)
                continue
            results, parts = [], []
            for p in m["parts"]:
                if "functionResponse" in p:
                    f = p["functionResponse"]
                    value = f["response"].get("output", f["response"])
                    text = value if isinstance(value, str) else json.dumps(value)
                    results.append({"id": f.get("id", ""), "name": f["name"], "text": text})
                elif "inlineData" in p:
                    parts.append({"image": p["inlineData"]["data"], "mime": p["inlineData"]["mimeType"]})
                else:
                    parts.append({"text": p["text"]})
            if results:
                c["turns"].append({"role": "tool", "results": results})
            if parts:
                c["turns"].append({"role": "user", "parts": parts})
        c["tools"] = [
            {"name": f["name"], "description": f.get("description"), "schema": f.get("parametersJsonSchema", f.get("parameters"))}
            for t in b.get("tools", [])
            for f in t["functionDeclarations"]
        ]
        f = (b.get("toolConfig") or {}).get("functionCallingConfig") or {}
        kinds = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
        c["choice"] = (f.get("allowedFunctionNames") or [kinds.get(f.get("mode"))])[0]
        g = b.get("generationConfig") or {}
        c["schema"] = g.get("responseJsonSchema", g.get("responseSchema"))
        c["max_tokens"] = g.get("maxOutputTokens")
        c["temperature"] = g.get("temperature")
        c["stop"] = g.get("stopSequences")
        t = g.get("thinkingConfig") or {}
        c["effort"] = (t.get("thinkingLevel") or "").lower() or ("some" if t.get("thinkingBudget") else None)
        return c

    FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter", "PROHIBITED_CONTENT": "filter", "RECITATION": "filter"}

    def frame(self, a, r):
        u = r.get("usageMetadata")
        if u and "promptTokenCount" in u:
            a.prompt = u["promptTokenCount"] + u.get("toolUsePromptTokenCount", 0)
            a.cached = u.get("cachedContentTokenCount", 0)
            a.thought = u.get("thoughtsTokenCount", 0)
            a.completion = u.get("candidatesTokenCount", 0) + a.thought
        if r.get("promptFeedback", {}).get("blockReason"):
            a.finish = "filter"
        for k in r.get("candidates", [])[:1]:
            for p in (k.get("content") or {}).get("parts") or []:
                if p.get("thoughtSignature"):
                    a.opaque.append(p["thoughtSignature"])
                if "functionCall" in p:
                    f = p["functionCall"]
                    a.calls.append(Call(f["name"], f.get("args", {}), f.get("id", "")))
                elif p.get("thought"):
                    a.reasoning += p.get("text", "")
                else:
                    a.text += p.get("text", "")
            if k.get("finishReason"):
                a.finish = self.FINISH[k["finishReason"]]
        if a.finish == "stop" and a.calls:
            a.finish = "tools"

    def read_answer(self, r):
        a = Answer()
        self.frame(a, r)
        return a

    def read_stream(self, data):
        a = Answer()
        for _, d in sse(data):
            e = json.loads(d)
            if "error" in e:
                a.error = e["error"]["message"]
            else:
                self.frame(a, e)
        a.ended = a.finish != "" and not a.error
        return a

    def error(self, r):
        return r["error"]["message"]


# ---- Bedrock Converse ---------------------------------------------------------------------------


class Bedrock(Dialect):
    name = "bedrock"
    stream_type = "application/vnd.amazon.eventstream"

    def path(self, model, stream):
        return f"/model/{urllib.parse.quote(model, safe='')}/" + ("converse-stream" if stream else "converse")

    def write(self, c, model, stream):
        messages = []
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    if "text" in p:
                        parts.append({"text": p["text"]})
                    else:
                        parts.append({"image": {"format": p["mime"].split("/")[1], "source": {"bytes": p["image"]}}})
                if messages and messages[-1]["role"] == "user":
                    messages[-1]["content"] += parts
                else:
                    messages.append({"role": "user", "content": parts})
            elif t["role"] == "assistant":
                parts = [{"text": t["text"]}] if t.get("text") else []
                parts += [{"toolUse": {"toolUseId": k.id, "name": k.name, "input": k.args}} for k in t.get("calls", [])]
                messages.append({"role": "assistant", "content": parts})
            else:
                parts = [
                    {"toolResult": {"toolUseId": r["id"], "content": [{"text": r["text"]}], "status": "success"}} for r in t["results"]
                ]
                messages.append({"role": "user", "content": parts})
        b, config = {"messages": messages}, {}
        if c.get("system"):
            b["system"] = [{"text": c["system"]}]
        if c.get("tools"):
            specs = [
                {"toolSpec": {"name": t["name"], "description": t["description"], "inputSchema": {"json": t["schema"]}}} for t in c["tools"]
            ]
            b["toolConfig"] = {"tools": specs}
            if c.get("choice"):
                kinds = {"auto": {"auto": {}}, "required": {"any": {}}}
                b["toolConfig"]["toolChoice"] = kinds.get(c["choice"], {"tool": {"name": c["choice"]}})
        if c.get("schema"):
            b["outputConfig"] = {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(c["schema"]), "name": "out"}}}
            }
        for ours, theirs in (("max_tokens", "maxTokens"), ("temperature", "temperature"), ("stop", "stopSequences")):
            if c.get(ours) is not None:
                config[theirs] = c[ours]
        if config:
            b["inferenceConfig"] = config
        if c.get("effort"):
            b["outputConfig"] = dict(b.get("outputConfig", {}), effort=c["effort"])
        return b

    def read_request(self, path, b):
        c = {"turns": [], "model": urllib.parse.unquote(path.split("/model/")[1].rsplit("/", 1)[0])}
        c["system"] = "".join(p.get("text", "") for p in b.get("system", [])) or None
        for m in b["messages"]:
            if m["role"] == "assistant":
                turn = {"role": "assistant", "text": "", "calls": []}
                for p in m["content"]:
                    if "toolUse" in p:
                        turn["calls"].append(Call(p["toolUse"]["name"], p["toolUse"]["input"], p["toolUse"]["toolUseId"]))
                    turn["text"] += p.get("text", "")
                c["turns"].append(turn)
                continue
            results, parts = [], []
            for p in m["content"]:
                if "toolResult" in p:
                    r = p["toolResult"]
                    text = "".join(x.get("text", json.dumps(x.get("json")) if "json" in x else "") for x in r["content"])
                    results.append({"id": r["toolUseId"], "text": text})
                elif "image" in p:
                    parts.append({"image": p["image"]["source"]["bytes"], "mime": "image/" + p["image"]["format"]})
                elif "text" in p:
                    parts.append({"text": p["text"]})
            if results:
                c["turns"].append({"role": "tool", "results": results})
            if parts:
                c["turns"].append({"role": "user", "parts": parts})
        config = b.get("toolConfig") or {}
        c["tools"] = [
            {"name": t["toolSpec"]["name"], "description": t["toolSpec"].get("description"), "schema": t["toolSpec"]["inputSchema"]["json"]}
            for t in config.get("tools", [])
        ]
        choice = config.get("toolChoice") or {}
        c["choice"] = (
            choice["tool"]["name"] if "tool" in choice else "required" if "any" in choice else "auto" if "auto" in choice else None
        )
        out = b.get("outputConfig") or {}
        extra = b.get("additionalModelRequestFields") or {}
        fmt = (out.get("textFormat") or {}).get("structure", {}).get("jsonSchema", {}).get("schema")
        c["schema"] = json.loads(fmt) if fmt else ((extra.get("output_config") or {}).get("format") or {}).get("schema")
        i = b.get("inferenceConfig") or {}
        c["max_tokens"], c["temperature"], c["stop"] = i.get("maxTokens"), i.get("temperature"), i.get("stopSequences")
        c["effort"] = out.get("effort") or (extra.get("output_config") or {}).get("effort") or extra.get("reasoning_effort")
        if not c["effort"] and (extra.get("thinking") or extra.get("reasoningConfig")):
            c["effort"] = "some"
        return c

    FINISH = {
        "end_turn": "stop",
        "stop_sequence": "sequence",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tools",
        "content_filtered": "filter",
        "guardrail_intervened": "filter",
    }

    def usage(self, a, u):
        a.cached = u.get("cacheReadInputTokens", 0)
        a.prompt = u["inputTokens"] + a.cached + u.get("cacheWriteInputTokens", 0)
        a.completion = u["outputTokens"]

    def read_answer(self, r):
        a = Answer()
        for p in r["output"]["message"]["content"]:
            a.text += p.get("text", "")
            if "toolUse" in p:
                a.calls.append(Call(p["toolUse"]["name"], p["toolUse"]["input"], p["toolUse"]["toolUseId"]))
            t = p.get("reasoningContent", {})
            a.reasoning += t.get("reasoningText", {}).get("text", "")
            a.opaque += [x for x in (t.get("reasoningText", {}).get("signature"), t.get("redactedContent")) if x]
        a.finish = self.FINISH[r["stopReason"]]
        self.usage(a, r["usage"])
        return a

    def read_stream(self, data):
        a, args = Answer(ended=False), {}
        for headers, payload in aws_frames(data):
            e = json.loads(payload)
            if headers[":message-type"] != "event":
                a.error = e.get("message", "?")
                continue
            name = headers[":event-type"]
            if name == "contentBlockStart" and "toolUse" in e.get("start", {}):
                args[e["contentBlockIndex"]] = [e["start"]["toolUse"]["toolUseId"], e["start"]["toolUse"]["name"], ""]
            elif name == "contentBlockDelta":
                d = e["delta"]
                a.text += d.get("text", "")
                if "toolUse" in d:
                    args[e["contentBlockIndex"]][2] += d["toolUse"]["input"]
                t = d.get("reasoningContent", {})
                a.reasoning += t.get("text", "")
                a.opaque += [x for x in (t.get("signature"), t.get("redactedContent")) if x]
            elif name == "messageStop":
                a.finish = self.FINISH[e["stopReason"]]
                a.ended = True
            elif name == "metadata":
                self.usage(a, e["usage"])
        a.calls = [Call(n, loads(t), i) for _, (i, n, t) in sorted(args.items())]
        a.ended = a.ended and not a.error
        return a

    def error(self, r):
        return r["message"]


# ---- Cohere v2 --------------------------------------------------------------------------------


class Cohere(Dialect):
    name = "cohere"

    def path(self, model, stream):
        return "/v2/chat"

    def write(self, c, model, stream):
        messages = [{"role": "system", "content": c["system"]}] if c.get("system") else []
        for t in c["turns"]:
            if t["role"] == "user":
                parts = []
                for p in t["parts"]:
                    if "text" in p:
                        parts.append({"type": "text", "text": p["text"]})
                    else:
                        parts.append({"type": "image_url", "image_url": {"url": f"data:{p['mime']};base64,{p['image']}"}})
                messages.append({"role": "user", "content": parts})
            elif t["role"] == "assistant":
                m = {"role": "assistant"}
                if t.get("calls"):
                    m["tool_calls"] = [
                        {"id": k.id, "type": "function", "function": {"name": k.name, "arguments": json.dumps(k.args)}}
                        for k in t["calls"]
                    ]
                    if t.get("text"):
                        m["tool_plan"] = t["text"]
                else:
                    m["content"] = t["text"]
                messages.append(m)
            else:
                messages += [{"role": "tool", "tool_call_id": r["id"], "content": r["text"]} for r in t["results"]]
        b = {"model": model, "messages": messages, "stream": stream}
        if c.get("tools"):
            b["tools"] = [
                {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": t["schema"]}}
                for t in c["tools"]
            ]
        if c.get("choice") in ("required", "none"):
            b["tool_choice"] = c["choice"].upper()
        if c.get("schema"):
            b["response_format"] = {"type": "json_object", "json_schema": c["schema"]}
        for ours, theirs in (("max_tokens", "max_tokens"), ("temperature", "temperature"), ("stop", "stop_sequences")):
            if c.get(ours) is not None:
                b[theirs] = c[ours]
        if c.get("effort"):
            b["thinking"] = {"type": "enabled"}
        return b

    def read_request(self, path, b):
        c = OpenAI().read_request(path, {"model": b["model"], "messages": b["messages"], "tools": b.get("tools", [])})
        for turn, m in zip([t for t in c["turns"] if t["role"] == "assistant"], [m for m in b["messages"] if m["role"] == "assistant"]):
            turn["text"] = turn["text"] or m.get("tool_plan", "")
        c["choice"] = (b.get("tool_choice") or "").lower() or None
        f = b.get("response_format") or {}
        c["schema"] = f.get("json_schema")
        c["max_tokens"], c["temperature"], c["stop"] = b.get("max_tokens"), b.get("temperature"), b.get("stop_sequences")
        c["effort"] = "some" if (b.get("thinking") or {}).get("type") == "enabled" else None
        return c

    FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "sequence", "MAX_TOKENS": "length", "TOOL_CALL": "tools", "ERROR": "filter"}

    def usage(self, a, u):
        if u:
            t = u.get("tokens") or u["billed_units"]
            a.prompt, a.completion = int(t["input_tokens"]), int(t["output_tokens"])
            a.cached = int(u.get("cached_tokens") or 0)

    def read_answer(self, r):
        a, m = Answer(opaque=members(r, "signature", "encrypted")), r["message"]
        for p in m.get("content") or []:
            a.text += p.get("text", "")
            a.reasoning += p.get("thinking", "")
        a.text += m.get("tool_plan") or ""
        a.calls = [Call(k["function"]["name"], loads(k["function"]["arguments"]), k["id"]) for k in m.get("tool_calls") or []]
        a.finish = self.FINISH[r["finish_reason"]]
        self.usage(a, r.get("usage"))
        return a

    def read_stream(self, data):
        a, args = Answer(ended=False), {}
        for _, d in sse(data):
            if d == "[DONE]":
                continue
            e = json.loads(d)
            m = (e.get("delta") or {}).get("message") or {}
            a.opaque += members(e, "signature", "encrypted")
            if e["type"] == "content-delta":
                a.text += m["content"].get("text", "")
                a.reasoning += m["content"].get("thinking", "")
            elif e["type"] == "tool-plan-delta":
                a.text += m["tool_plan"]
            elif e["type"] == "tool-call-start":
                k = m["tool_calls"]
                args[e["index"]] = [k["id"], k["function"]["name"], k["function"].get("arguments", "")]
            elif e["type"] == "tool-call-delta":
                args[e["index"]][2] += m["tool_calls"]["function"]["arguments"]
            elif e["type"] == "message-end":
                # There is no finish reason for it: an ending of its own kind, named in words.
                if e["delta"].get("error") not in (None, "content_filter", "refusal"):
                    a.error = e["delta"]["error"]
                    continue
                a.finish = self.FINISH[e["delta"]["finish_reason"]]
                self.usage(a, e["delta"].get("usage"))
                a.ended = True
        a.calls = [Call(n, loads(t), i) for _, (i, n, t) in sorted(args.items())]
        return a

    def error(self, r):
        return r["message"]


# ---- Ollama, as a provider only -----------------------------------------------------------------


class Ollama(Dialect):
    name = "ollama"

    def read_request(self, path, b):
        c = {"turns": [], "model": b["model"]}
        for m in b["messages"]:
            if m["role"] == "system":
                c["system"] = (c.get("system") or "") + m["content"]
            elif m["role"] == "user":
                parts = [{"text": m["content"]}] if m["content"] else []
                parts += [{"image": i, "mime": None} for i in m.get("images") or []]
                c["turns"].append({"role": "user", "parts": parts})
            elif m["role"] == "assistant":
                calls = [Call(k["function"]["name"], k["function"]["arguments"], k.get("id", "")) for k in m.get("tool_calls") or []]
                c["turns"].append({"role": "assistant", "text": m.get("content") or "", "calls": calls})
            else:
                result = {"id": m.get("tool_call_id", ""), "name": m.get("tool_name"), "text": m["content"]}
                if c["turns"][-1]["role"] == "tool":
                    c["turns"][-1]["results"].append(result)
                else:
                    c["turns"].append({"role": "tool", "results": [result]})
        c["tools"] = [
            {"name": t["function"]["name"], "description": t["function"].get("description"), "schema": t["function"].get("parameters")}
            for t in b.get("tools") or []
        ]
        c["choice"] = None
        f = b.get("format")
        c["schema"] = f if isinstance(f, dict) else None
        o = b.get("options") or {}
        c["max_tokens"], c["temperature"], c["stop"] = o.get("num_predict"), o.get("temperature"), o.get("stop")
        think = b.get("think")
        c["effort"] = think if isinstance(think, str) else "some" if think else None
        return c


    def take(self, a, r):
        m = r.get("message") or {}
        a.text += m.get("content") or ""
        a.reasoning += m.get("thinking") or ""
        a.calls += [Call(k["function"]["name"], k["function"]["arguments"], k.get("id", "")) for k in m.get("tool_calls") or []]
        if r.get("done"):
            a.ended = True
            a.finish = {"stop": "stop", "length": "length"}[r.get("done_reason", "stop")]
            if a.calls and a.finish == "stop":
                a.finish = "tools"
            a.prompt, a.completion = r.get("prompt_eval_count", 0), r.get("eval_count", 0)

    def read_answer(self, r):
        a = Answer()
        self.take(a, r)
        return a

    def read_stream(self, data):
        a = Answer(ended=False)
        for line in data.split(b"\n"):
            if line.strip():
                e = json.loads(line)
                if "error" in e:
                    a.error = e["error"]
                else:
                    self.take(a, e)
        return a


CLIENTS = [OpenAI(), Responses(), Anthropic(), Gemini(), Bedrock(), Cohere()]
PROVIDERS = [*CLIENTS, Ollama()]
