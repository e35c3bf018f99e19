"""A server that answers exactly the bytes it is told to, and keeps what it was sent."""

import contextlib
import socket
import threading


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body


def answer(status, kind, body, extra=""):
    """A whole answer of a known length."""
    return [f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode(), body]


def chunks(kind, pieces, status=200):
    """An answer without a length: every piece is a chunk and a write of its own."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return [head, *(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p), b"0\r\n\r\n"]


class Server:
    """`respond(request)` gives the pieces of an answer; None closes the connection."""

    def __init__(self, respond, host="127.0.0.1"):
        self.respond = respond
        self.connections = 0
        self.requests = []
        self.open = 0  # connections, now
        wide = host == "::"
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if wide else socket.AF_INET, dualstack_ipv6=wide)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.connections += 1
                self.open += 1
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with peer, contextlib.suppress(OSError, ValueError):
            stream = peer.makefile("rb")
            while line := stream.readline():
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers = {}
                while (line := stream.readline()) not in (b"\r\n", b""):
                    name, value = line.decode("latin-1").split(":", 1)
                    headers[name.lower()] = value.strip()
                request = Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))
                self.requests.append(request)
                pieces = self.respond(request)
                if pieces is None:
                    break
                for piece in pieces:
                    peer.sendall(piece)
        self.open -= 1

    def stop(self):
        # Without it the accept() that waits keeps the port open.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
