"""A webhook that allows everything and warns with its own name: `NAME PORT CERTIFICATE KEY`."""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers any AdmissionReview; HTTP/1.1, so that connections are kept as in production."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Allow, and warn with this process's name."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        uid = review["request"]["uid"]
        response = {"uid": uid, "allowed": True, "warnings": [f"seen by {sys.argv[1]}"]}
        body = json.dumps({**review, "request": None, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
