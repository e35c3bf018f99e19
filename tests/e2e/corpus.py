"""Bodies and streams that only bytes can tell apart: how JSON, SSE and AWS frames may be
written when they mean the same, in all six dialects that clients and providers share.

The names of the cases are what the tests are called by.
"""

import binascii
import random
import re
import struct

MODEL = "@MODEL@"  # stands in requests where the model's name does
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')

NUMBERS = "[1e400,-1e400,1e-400,0.10,-0,-0.0,1E+2,1e2,1.0e-0,12345678901234567890123,0.30000000000000004,9007199254740993]"
DEEP = "[" * 60 + '{"a":' * 30 + "null" + "}" * 30 + "]" * 60


def spread(text, space):
    """White space between all tokens."""
    return space.join(TOKEN.findall(text))


def request(dialect, text='"hi"', top="", deep="", first="", stream=False):
    """A body: members added at its top level and at the deepest known one."""
    model = "" if dialect in ("gemini", "bedrock") else f'"model":"{MODEL}",'
    streamed = ',"stream":true' if stream and model else ""
    if stream and dialect == "openai":
        streamed += ',"stream_options":{"include_usage":true}'
    body = {
        "openai": f'"messages":[{{"role":"user","content":{text}{deep}}}]',
        "responses": f'"input":[{{"role":"user","content":[{{"type":"input_text","text":{text}{deep}}}]}}]',
        "anthropic": f'"max_tokens":16,"messages":[{{"role":"user","content":[{{"type":"text","text":{text}{deep}}}]}}]',
        "gemini": f'"contents":[{{"role":"user","parts":[{{"text":{text}{deep}}}]}}]',
        "bedrock": f'"messages":[{{"role":"user","content":[{{"text":{text}{deep}}}]}}]',
        "cohere": f'"messages":[{{"role":"user","content":[{{"type":"text","text":{text}{deep}}}]}}]',
    }[dialect]
    return "{" + first + model + body + streamed + top + "}"


KNOWN = {  # of each dialect, members written as nobody would
    "openai": ',"temperature":1.0e-0,"top_p":0.70,"seed":-0,"stop":[],"metadata":{},"tools":null',
    "responses": ',"temperature":1.0e-0,"top_p":0.70,"include":[],"metadata":{},"instructions":""',
    "anthropic": ',"temperature":1.0e-0,"top_p":0.70,"top_k":5E+0,"stop_sequences":[],"system":""',
    "gemini": ',"generationConfig":{"temperature":1.0e-0,"topP":0.70,"stopSequences":[]},"safetySettings":[]',
    "bedrock": ',"inferenceConfig":{"temperature":1.0e-0,"topP":0.70,"stopSequences":[]},"system":[],"requestMetadata":{}',
    "cohere": ',"temperature":1.0e-0,"p":0.70,"seed":-0,"stop_sequences":[],"documents":[]',
}


def requests(dialect):
    """(name, body, whether a stream is asked for)"""
    odd = ',"a":{"b":[1 , 2.50,{"c" :null}]},"":""'
    plain = request(dialect, top=odd, deep=odd)
    hard = r'"h\u00e9 \ud83d\ude00 \/ \u0041\b\f\n\r\t\"\\"'
    yield "compact", plain, False
    yield "spaces between all tokens", spread(plain, " "), False
    yield "tabs and CRLF between all tokens", spread(plain, "\t\r\n"), False
    yield "white space around", " \n\t" + plain + "\r\n \n", False
    yield "the model last", request(dialect, first='"z":1,"y":[],"x":{},', top=',"w":0'), False
    yield "escapes", request(dialect, hard, top=f',"e":{hard}', deep=f',"e":{hard}'), False
    yield "lone surrogates", request(dialect, r'"\ud83d \udc00x \ud800\ud800"', top=r',"s":"\udfff"'), False
    yield "raw UTF-8 of all lengths", request(dialect, '"\x7f é \u2028 \uffff \U0001f40b\U0010ffff"', top=',"é":"\u2029"'), False
    yield "an escaped zero", request(dialect, r'"a\u0000b"', top=r',"\u0000":"\u0000"'), False
    yield "escaped keys", request(dialect, top=r',"\u0078":1,"\/":2,"\"":3', deep=r',"\u0078\\":[]'), False
    yield "numbers", request(dialect, top=f',"n":{NUMBERS}', deep=f',"n":{NUMBERS}'), False
    yield "keys twice", request(dialect, top=',"x":1,"x":2,"x":1', deep=',"y":1,"y":{"z":0,"z":0}'), False
    yield "keys twice, once escaped", request(dialect, top=r',"x":1,"\u0078":2', deep=r',"y":1,"\u0079":2'), False
    yield "deep nesting", request(dialect, top=f',"d":{DEEP}', deep=',"d":' + "[" * 40 + "]" * 40), False
    yield "empty ones", request(dialect, '""', top=',"":"","o":{},"a":[],"s":"","oo":{"":{}},"aa":[[],{}]', deep=',"":[]'), False
    yield "a hundred members", request(dialect, top="".join(f',"k{i}" : {i}.0' for i in range(100))), False
    yield "a long text", request(dialect, '"' + r"x\u00e9\/ y" * 20000 + '"'), False
    yield "known fields, oddly written", request(dialect, top=KNOWN[dialect]), False
    yield "a stream", request(dialect, hard, top=odd, deep=odd, stream=True), True
    yield "a stream, spread", spread(request(dialect, stream=True, top=f',"n":{NUMBERS}'), "\r\n "), True


# ---- answers ------------------------------------------------------------------------------------


def whole(dialect, text='"hi"', top="", deep=""):
    """A plain answer."""
    return {
        "openai": f'{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":{text}{deep}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}{top}}}',
        "responses": f'{{"id":"r","object":"response","created_at":1,"status":"completed","model":"m","output":[{{"id":"x","type":"message","status":"completed","role":"assistant","content":[{{"type":"output_text","annotations":[],"text":{text}{deep}}}]}}],"usage":{{"input_tokens":1,"output_tokens":2,"total_tokens":3}}{top}}}',
        "anthropic": f'{{"id":"m","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":{text}{deep}}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":1,"output_tokens":2}}{top}}}',
        "gemini": f'{{"candidates":[{{"content":{{"parts":[{{"text":{text}{deep}}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}}{top}}}',
        "bedrock": f'{{"output":{{"message":{{"role":"assistant","content":[{{"text":{text}{deep}}}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":1,"outputTokens":2,"totalTokens":3}},"metrics":{{"latencyMs":1}}{top}}}',
        "cohere": f'{{"id":"c","finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{{"type":"text","text":{text}{deep}}}]}},"usage":{{"tokens":{{"input_tokens":1,"output_tokens":2}}}}{top}}}',
    }[dialect]


REFUSED = {  # a provider's words about a client's own fault
    "openai": '{"error" : {"message":"no\\u0021","type":"invalid_request_error","param":null,"code":null,"x":0.10}}',
    "responses": '{"error" : {"message":"no\\u0021","type":"invalid_request_error","param":null,"code":null,"x":0.10}}',
    "anthropic": '{"type":"error", "error":{"type":"invalid_request_error","message":"no\\u0021"},"x":0.10}',
    "gemini": '{"error": {"code": 400, "message":"no\\u0021", "status":"INVALID_ARGUMENT","details":[]},"x":0.10}\n',
    "bedrock": '{"message" :"no\\u0021","x":0.10}',
    "cohere": '{"id":"e" ,"message":"no\\u0021","x":0.10}',
}


def answers(dialect):
    """(name, status, body)"""
    odd = ',"a":{"b":[1 , 2.50,{"c" :null}]},"":""'
    plain = whole(dialect, top=odd, deep=odd)
    yield "compact", 200, plain
    yield "spread", 200, spread(plain, "\r\n\t ")
    yield "white space around", 200, "\n " + plain + " \r\n\n"
    yield "escapes", 200, whole(dialect, r'"\u0041\/ \ud83d\ude00 \ud83d \"\\\b"', top=r',"\u0078":"\/"', deep=r',"\u0078":""')
    yield "raw UTF-8", 200, whole(dialect, '"\x7f é \u2028 \U0001f40b"', top=',"é":"\uffff"')
    yield "numbers", 200, whole(dialect, top=f',"n":{NUMBERS}', deep=f',"n":{NUMBERS}')
    yield "keys twice", 200, whole(dialect, top=',"x":1,"x":2', deep=',"y":1,"y":1')
    yield "deep nesting", 200, whole(dialect, top=f',"d":{DEEP}')
    yield "a large one", 200, whole(dialect, '"' + r"x\u00e9 " * 60000 + '"')
    yield "a refusal", 400, REFUSED[dialect]


# ---- streams ------------------------------------------------------------------------------------


def events(dialect, text='"hi"', x=""):
    """(name, data) of every event: `x` is members added to all of them."""
    none = [("", "[DONE]")]
    if dialect == "openai":
        head = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m"' + x
        return [
            ("", head + ',"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}'),
            ("", head + f',"choices":[{{"index":0,"delta":{{"content":{text}{x}}},"finish_reason":null}}]}}'),
            ("", head + ',"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'),
            ("", head + ',"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'),
            *none,
        ]
    if dialect == "responses":
        shell = '"response":{"id":"r","object":"response","created_at":1,"model":"m","output":[%s],"status":"%s","usage":%s' + x.replace("%", "%%") + "}"
        message = f'{{"id":"x","type":"message","role":"assistant","status":"completed","content":[{{"type":"output_text","annotations":[],"text":{text}}}]}}'
        usage = '{"input_tokens":1,"output_tokens":2,"total_tokens":3}'
        data = [
            ("response.created", shell % ("", "in_progress", "null")),
            ("response.output_item.added", '"output_index":0,"item":{"id":"x","type":"message","role":"assistant","status":"in_progress","content":[]}'),
            ("response.content_part.added", '"item_id":"x","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}'),
            ("response.output_text.delta", f'"item_id":"x","output_index":0,"content_index":0,"delta":{text}'),
            ("response.output_text.done", f'"item_id":"x","output_index":0,"content_index":0,"text":{text}'),
            ("response.output_item.done", f'"output_index":0,"item":{message}'),
            ("response.completed", shell % (message, "completed", usage)),
        ]
        return [(n, f'{{"type":"{n}","sequence_number":{i},{d}{x}}}') for i, (n, d) in enumerate(data)]
    if dialect == "anthropic":
        data = [
            ("message_start", '"message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'),
            ("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
            ("ping", '"p":0'),
            ("content_block_delta", f'"index":0,"delta":{{"type":"text_delta","text":{text}{x}}}'),
            ("content_block_stop", '"index":0'),
            ("message_delta", '"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}'),
            ("message_stop", '"s":0'),
        ]
        return [(n, f'{{"type":"{n}",{d}{x}}}') for n, d in data]
    if dialect == "gemini":
        return [
            ("", f'{{"candidates":[{{"content":{{"parts":[{{"text":{text}{x}}}],"role":"model"}},"index":0}}]{x}}}'),
            ("", f'{{"candidates":[{{"content":{{"parts":[{{"text":" and on"}}],"role":"model"}},"index":0}}]{x}}}'),
            ("", f'{{"candidates":[{{"content":{{"parts":[{{"text":""}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}}{x}}}'),
        ]
    if dialect == "bedrock":
        data = [
            ("messageStart", '"role":"assistant"'),
            ("contentBlockDelta", f'"contentBlockIndex":0,"delta":{{"text":{text}{x}}}'),
            ("contentBlockDelta", '"contentBlockIndex":0,"delta":{"text":" and on"}'),
            ("contentBlockStop", '"contentBlockIndex":0'),
            ("messageStop", '"stopReason":"end_turn"'),
            ("metadata", '"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}'),
        ]
        return [(n, f"{{{d}{x}}}") for n, d in data]
    data = [
        ("message-start", '"id":"c","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}'),
        ("content-start", '"index":0,"delta":{"message":{"content":{"type":"text","text":""}}}'),
        ("content-delta", f'"index":0,"delta":{{"message":{{"content":{{"text":{text}{x}}}}}}}'),
        ("content-end", '"index":0'),
        ("message-end", '"delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1,"output_tokens":2}}}'),
    ]
    return [(n, f'{{"type":"{n}",{d}{x}}}') for n, d in data]


def sse(items, end="\n", space=" ", between="", lines=False, name_last=False):
    """Every event as its bytes."""
    out = []
    for name, data in items:
        parts = data.replace(",", ",\n", 1).split("\n") if lines else [data]
        rows = [f"data:{space}{p}" for p in parts]
        if name:
            rows.insert(len(rows) if name_last else 0, f"event:{space}{name}")
        out.append((between + "".join(r + end for r in rows) + end).encode())
    return out


def frame(name, data, extra=b"", kind="event"):
    """An AWS frame, with headers of other types where `extra` says so."""
    headers = b""
    for k, v in ((":event-type", name), (":content-type", "application/json"), (":message-type", kind)):
        headers += bytes([len(k)]) + k.encode() + b"\7" + struct.pack(">H", len(v)) + v.encode()
    headers += extra
    payload = data.encode()
    out = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    out += struct.pack(">I", binascii.crc32(out)) + headers + payload
    return out + struct.pack(">I", binascii.crc32(out))


def frames(items, extra=b""):
    return [frame(n, d, extra) for n, d in items]


def cut(pieces, seed):
    """The same bytes in other pieces."""
    data, out, r = b"".join(pieces), [], random.Random(seed)
    while data:
        n = r.choice((1, 1, 2, 3, 5, 17, 64, 300))
        out.append(data[:n])
        data = data[n:]
    return out


# A bool, a byte, a short, an int, a long, bytes, a timestamp and a UUID.
OTHER_HEADERS = (
    b"\1a\0\1b\1\1c\2\x7f\1d\3\0\1\1e\4\0\0\0\1\1f\5" + b"\0" * 8 + b"\1g\6\0\3\0\1\2\1h\x08" + b"\0" * 8 + b"\1i\x09" + b"\5" * 16
)


def streams(dialect):
    """(name, the bytes in pieces as they are sent)"""
    odd = ',"a":{"b":[1 , 2.50,{"c" :null}]},"":""'
    hard = r'"\u0041\/ \ud83d\ude00 \ud83d \"\\\b"'
    plain = events(dialect, x=odd)
    numbers = events(dialect, x=f',"n":{NUMBERS}')
    twice = events(dialect, x=',"y":1,"y":1')
    escaped = events(dialect, hard)
    raw = events(dialect, '"\x7f é \u2028 \U0001f40b"')
    spaced = [(n, spread(d, " ") if d != "[DONE]" else d) for n, d in plain]
    huge = events(dialect, '"' + r"x\u00e9 " * 60000 + '"')
    if dialect == "bedrock":
        unknown = [frame("somethingNew", '{"p":"abc" }'), frame("emptyOne", "{}")]
        yield "one frame a segment", frames(plain)
        yield "several frames a segment", [b"".join(frames(plain))]
        yield "byte by byte", [bytes([b]) for b in b"".join(frames(events(dialect)))]
        yield "cut at random", cut(frames(plain), 1)
        yield "headers of every type", frames(plain, OTHER_HEADERS)
        yield "unknown events", [frames(plain)[0], unknown[0], *frames(plain)[1:3], unknown[1], *frames(plain)[3:]]
        yield "padding", frames(events(dialect, x=',"p":"abcdefghijklmnopqrstuvwxyzABCDEF"'))
        for name, items in (("numbers", numbers), ("keys twice", twice), ("escapes", escaped), ("raw UTF-8", raw)):
            yield name, frames(items)
        yield "white space in the JSON", frames(spaced)
        yield "a huge frame", frames(huge)
        yield "a huge frame, cut at random", cut(frames(events(dialect, '"' + "y" * 9000 + '"')), 2)
        return
    unknown = b'event: x_new\nid: 7\nretry: 10\ndata: {"type":"x_new","later" :1.50}\n\n'
    if dialect in ("openai", "gemini"):  # events have no names: a comment and a field nobody knows
        unknown = b"id: 7\nretry: 10\nx_new: y\n\n"
    yield "one event a segment", sse(plain)
    yield "several events a segment", [b"".join(sse(plain))]
    yield "byte by byte", [bytes([b]) for b in b"".join(sse(events(dialect)))]
    yield "cut at random", cut(sse(plain), 1)
    yield "CRLF", sse(plain, "\r\n")
    yield "CRLF, cut at random", cut(sse(plain, "\r\n"), 2)
    yield "CR", sse(plain, "\r")
    yield "no space after the colon", sse(plain, space="")
    yield "two spaces after the colon", sse(plain, space="  ")
    yield "comments", sse(plain, between=": keep-alive\n\n:\n")
    yield "comments within events", [p.replace(b"data:", b": PROCESSING\ndata:") for p in sse(plain)]
    yield "blank lines between events", sse(plain, between="\n\n")
    yield "data of several lines", sse([e for e in plain if e[1] != "[DONE]"], lines=True) + sse([e for e in plain if e[1] == "[DONE]"])
    yield "unknown events", [*sse(plain)[:2], unknown, *sse(plain)[2:]]
    if plain[0][0]:
        yield "the event's name after its data", sse(plain, name_last=True)
    for name, items in (("numbers", numbers), ("keys twice", twice), ("escapes", escaped), ("raw UTF-8", raw)):
        yield name, sse(items)
    yield "white space in the JSON", sse(spaced)
    yield "a huge event", sse(huge)
    if dialect == "gemini":  # an image, say
        yield "a huge last event", sse([*plain[:2], (plain[2][0], plain[2][1].replace('"text":""', '"text":"' + "i" * 200000 + '"'))])
    yield "a huge event, cut at random", cut(sse(events(dialect, '"' + "y" * 9000 + '"')), 3)
