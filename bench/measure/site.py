"""The files that every server serves."""

import hashlib
import os
import subprocess

SMALL = 1024
MIDDLE = 1 << 20
PAGE = 128 << 10
LARGE = 100 << 20
RANGE_FROM = 50 << 20
RANGE = 64 << 10

# Text that compresses like text, so that a server which compresses what it
# was not asked to compress is found out by the length, not by the content.
LINE = "A response code is a promise, and this line is {:06d} of a file made for measuring.\n"


def make(folder):
    """Makes the folder, unless it is there: small.html, folder/index.html,
    middle.bin, large.bin, page.bin. Returns its path."""
    site = os.path.join(folder, "site")
    os.makedirs(os.path.join(site, "folder"), exist_ok=True)
    _write(os.path.join(site, "small.html"), _text(SMALL))
    _write(os.path.join(site, "folder", "index.html"), _text(SMALL))
    _write(os.path.join(site, "middle.bin"), _noise(MIDDLE))
    _write(os.path.join(site, "large.bin"), _noise(LARGE))
    _write(os.path.join(site, "page.bin"), _noise(PAGE))
    os.chmod(folder, 0o755)
    return site


def many_small(site, count=1000):
    """Many small files for mixed loads; returns their paths."""
    os.makedirs(os.path.join(site, "many"), exist_ok=True)
    for number in range(count):
        _write(os.path.join(site, "many", f"{number}.html"), _text(500 + number * 7 % 8000))
    return [f"/many/{number}.html" for number in range(count)]


def long_listing(site, count=2000):
    """A folder whose listing costs the server much and the client little."""
    os.makedirs(os.path.join(site, "listing"), exist_ok=True)
    for number in range(count):
        path = os.path.join(site, "listing", f"document-{number:05d}.txt")
        if not os.path.exists(path):
            _write(path, f"{number}\n".encode())
    return "/listing/"


def certificate(folder):
    """A self-signed certificate (P-256) for localhost: (certificate, key)."""
    cert = os.path.join(folder, "cert.pem")
    key = os.path.join(folder, "key.pem")
    if not os.path.exists(cert):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "3650", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
            check=True, capture_output=True)
        with open(os.path.join(folder, "both.pem"), "wb") as both:
            for part in (cert, key):
                with open(part, "rb") as file:
                    both.write(file.read())
        os.chmod(key, 0o644)  # only ever used on the loopback
    return cert, key


def digest(site, path, start=0, length=None):
    """SHA-256 of (a part of) a file of the site."""
    with open(os.path.join(site, path.lstrip("/")), "rb") as file:
        file.seek(start)
        return hashlib.sha256(file.read(-1 if length is None else length)).hexdigest()


def _text(size):
    lines = "<!doctype html><meta charset=utf-8><title>Small</title>\n<pre>"
    number = 0
    while len(lines) < size:
        lines += LINE.format(number)
        number += 1
    return lines[:size].encode()


def _noise(size):
    block = hashlib.shake_256(b"candor bench").digest(1 << 20)
    return (block * (size // len(block) + 1))[:size]


def _write(path, content):
    if os.path.exists(path) and os.path.getsize(path) == len(content):
        return
    with open(path, "wb") as file:
        file.write(content)
