"""A small reader of event streams: what a careful client sees."""

import json


class Stream:
    """The events of a whole body."""

    def __init__(self, body):
        text = body.decode().lstrip("\ufeff") if isinstance(body, bytes) else body
        self.events = []
        self.whole = True
        block = []
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            if line == "":
                data = [x[5:].removeprefix(" ") for x in block if x.startswith("data:")]
                if data:
                    self.events.append("\n".join(data))
                block = []
            else:
                block.append(line)
        self.rest = block
        self.done = self.events[-1:] == ["[DONE]"]
        self.chunks = []
        self.error = None
        for e in self.events:
            if e == "[DONE]":
                continue
            v = json.loads(e)
            if "error" in v:
                self.error = v["error"]
            else:
                self.chunks.append(v)

    def text(self, index=0):
        return "".join(
            c["delta"].get("content") or ""
            for chunk in self.chunks
            for c in chunk["choices"]
            if c["index"] == index
        )

    @property
    def finish(self):
        for chunk in self.chunks:
            for c in chunk["choices"]:
                if c.get("finish_reason"):
                    return c["finish_reason"]
        return None

    @property
    def looks_complete(self):
        """What a client would take for a whole answer."""
        return self.error is None and (self.done or self.finish is not None)
