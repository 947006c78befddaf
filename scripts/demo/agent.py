#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The process in a pod: an HTTP server, and HTTP clients on demand.

Serves / (its name) and /stream (a line every 10 ms, until somebody hangs up) on ports 8080 and 9090, both families.
Takes one JSON request a line on standard input, answers one a line on standard output, in any order:

  {"id": 1, "op": "get", "url": …, "timeout": s}   {"id": 1, "ok": true, "body": …} or {"ok": false, "error": …}
  {"id": 2, "op": "stream", "url": …}              {"id": 2, "opened": true}, then, when no line came for 250 ms or the
                                                   connection closed, {"id": 2, "last": monotonic seconds, "lines": n}
  {"id": 3, "op": "stream-stop", "stream": 2}      ends that stream
  {"id": 4, "op": "hammer", "url": …}              asks again and again over one kept connection until "hammer-stop",
                                                   then {"id": 4, "asked": n, "answered": n, "slowest": s}

Ends when standard input does.
"""

import http.client
import http.server
import json
import socket
import sys
import threading
import time
import urllib.parse

NAME = sys.argv[1]
PORTS = (8080, 9090)
STALL = 0.25

write_lock = threading.Lock()
stopped = {}  # id of a stream or hammer: threading.Event


def say(**answer):
    with write_lock:
        print(json.dumps(answer), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/stream":
            return self.stream()
        body = NAME.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        count = 0
        try:
            while True:
                count += 1
                self.wfile.write(b"%d\n" % count)
                time.sleep(0.01)
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def connect(url, timeout):
    parts = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout), parts.path or "/"


def get(request):
    connection, path = connect(request["url"], request["timeout"])
    try:
        connection.request("GET", path)
        say(id=request["id"], ok=True, body=connection.getresponse().read().decode())
    except (OSError, http.client.HTTPException) as error:
        say(id=request["id"], ok=False, error=str(error))
    finally:
        connection.close()


def stream(request):
    lines, last = 0, None
    connection, path = connect(request["url"], 2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        connection_socket = response.fp.raw._sock
        connection_socket.settimeout(STALL)
        say(id=request["id"], opened=True)
        while not stopped[request["id"]].is_set() and response.fp.readline():
            lines, last = lines + 1, time.monotonic()
    except (OSError, http.client.HTTPException):
        pass
    say(id=request["id"], lines=lines, last=last)
    connection.close()


def hammer(request):
    asked = answered = 0
    slowest = 0.0
    connection, path = connect(request["url"], 5)
    try:
        while not stopped[request["id"]].is_set():
            started = time.monotonic()
            asked += 1
            connection.request("GET", path)
            connection.getresponse().read()
            answered += 1
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.002)
    except (OSError, http.client.HTTPException):
        pass
    say(id=request["id"], asked=asked, answered=answered, slowest=slowest)
    connection.close()


def main():
    for port in PORTS:
        threading.Thread(target=Server(("::", port), Handler).serve_forever, daemon=True).start()
    say(id=0, serving=PORTS)
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"].endswith("-stop"):
            stopped[request[request["op"].removesuffix("-stop")]].set()
            continue
        if request["op"] != "get":
            stopped[request["id"]] = threading.Event()
        threading.Thread(target={"get": get, "stream": stream, "hammer": hammer}[request["op"]],
                         args=(request,), daemon=True).start()


main()
