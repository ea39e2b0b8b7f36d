"""Are the answers right? No figure is printed for a wrong one."""

import hashlib
import http.client
import os
import subprocess
import tempfile


class Wrong(Exception):
    """An answer that is not what it has to be."""


class Answer:
    """A complete answer, read by somebody else's parser."""

    def __init__(self, status, fields, content):
        self.status = status
        self.fields = {name.lower(): value for name, value in fields}
        self.content = content

    def field(self, name):
        return self.fields.get(name.lower())


def fetch(port, path, fields=(), method="GET"):
    """One request over HTTP/1.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    except (OSError, http.client.HTTPException) as problem:
        raise Wrong(f"GET {path}: {problem!r}") from problem
    finally:
        connection.close()


def fetch_http2(port, path):
    """One request over TLS and HTTP/2, by curl."""
    with tempfile.TemporaryDirectory() as folder:
        heads, content = os.path.join(folder, "heads"), os.path.join(folder, "content")
        done = subprocess.run(
            ["curl", "-sk", "--http2", "--max-time", "20", "-D", heads, "-o", content,
             "-w", "%{http_version} %{http_code}", f"https://127.0.0.1:{port}{path}"],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"GET {path} over HTTP/2: curl exits with {done.returncode}")
        version, status = done.stdout.split()
        if version != "2":
            raise Wrong(f"GET {path}: HTTP/{version}, not HTTP/2")
        with open(heads) as file:
            fields = [tuple(part.strip() for part in line.split(":", 1))
                      for line in file if ":" in line]
        with open(content, "rb") as file:
            return Answer(int(status), fields, file.read())


def expect(answer, status, digest=None, length=None, tag=False, fields=None):
    """Raises Wrong unless everything is as said. `tag`: an ETag is there."""
    if answer.status != status:
        raise Wrong(f"status {answer.status}, not {status}")
    if digest is not None and hashlib.sha256(answer.content).hexdigest() != digest:
        raise Wrong(f"{len(answer.content)} bytes with another digest than the file's")
    if length is not None:
        stated = answer.field("Content-Length")
        if stated != str(length):
            raise Wrong(f"Content-Length {stated}, not {length}")
        if len(answer.content) != length:
            raise Wrong(f"{len(answer.content)} bytes of content, not {length}")
    if tag and not answer.field("ETag"):
        raise Wrong("no ETag")
    for name, wanted in (fields or {}).items():
        found = answer.field(name)
        if found is None or not wanted(found):
            raise Wrong(f"{name}: {found}")
