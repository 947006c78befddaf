# SPDX-License-Identifier: GPL-2.0
"""
A server that answers what no API server should: for faults that a real one
can't be brought to. One answer for everybody, any path.
"""
import socket
import ssl
import threading

END = object()		# in a body: the connection is closed here


class Liar:
    """
    @answer(path) gives (status, headers, chunks of the body); a chunk END
    cuts the connection off, and a body without END has its length said.
    """

    def __init__(self, ns, addr, port, certificate, answer):
        self.answer, self.asked = answer, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        with ns:
            self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, port))
        self.sock.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            with self.context.wrap_socket(conn, server_side=True) as tls:
                while self._one(tls):
                    pass
        except OSError:
            pass		# a client that doesn't trust us goes away

    def _one(self, tls):
        head = b""
        while b"\r\n\r\n" not in head:
            data = tls.recv(65536)
            if not data:
                return False
            head += data
        path = head.split()[1].decode()
        self.asked.append((path, head.decode(errors="replace")))
        status, headers, chunks = self.answer(path)
        cut = END in chunks
        body = [c for c in chunks if c is not END]
        if not cut:
            headers = {**headers, "Content-Length": sum(map(len, body))}
        lines = [f"HTTP/1.1 {status} x"] + [f"{k}: {v}" for k, v in headers.items()]
        tls.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        for c in body:
            tls.sendall(c)
        return not cut

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)	# or accept() holds it
        self.sock.close()
