"""The servers: how each is configured, started, watched and stopped.

Every server gets the same folder, one plain and one TLS port on the loopback,
an access log in a file, and the tuning that its own documentation recommends
for static files. Limits on idle connections and on requests per connection
are out of the way for all.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

from . import machine

MOVED = "/moved.html"
IDLE = 600  # seconds that a kept connection may rest


class NotUsable(Exception):
    """The server is not installed, does not start, or cannot do this."""


class Server:
    """One server process family."""

    name = ""
    program = ""
    proxies = False  # can stand in front of another server
    serves_files = True
    logs = True
    in_scenarios = None  # letters, if it is only of interest in some

    def __init__(self, folder, site, tls, label=None, upstream=None):
        self.label = label or self.name
        self.folder = os.path.join(folder, self.label)
        self.site = site
        self.cert, self.key = tls
        self.upstream = upstream
        self.idle = IDLE
        self.port = machine.free_port()
        self.tls_port = machine.free_port()
        self.log = os.path.join(self.folder, "access.log")
        self.process = None
        self.started_in = None

    # What each server says for itself.

    def configure(self, workers):
        """Writes the configuration; returns the command line."""
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def environment(self, workers):
        return {}

    # What is the same for all.

    @classmethod
    def find(cls):
        """The program's path, or nothing."""
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")

    def start(self, cores):
        if not self.find():
            raise NotUsable(f"{self.name}: not installed")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        # Workers of a server started by root may run as somebody else.
        os.chmod(self.folder, 0o777)
        command = self.configure(len(cores))
        self.words = open(os.path.join(self.folder, "words"), "wb+")
        began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.words, stderr=self.words,
            preexec_fn=machine.on_cores(cores), start_new_session=True, cwd=self.folder,
            env={**os.environ, **self.environment(len(cores))})
        self._wait(began)

    def _wait(self, began):
        while time.monotonic() - began < 30:
            if self.process.poll() is not None:
                raise NotUsable(f"{self.label}: exited with {self.process.returncode}: {self.last_words()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as one:
                    one.sendall(b"GET /small.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if one.recv(12).startswith(b"HTTP/1."):
                        self.started_in = time.monotonic() - began
                        return
            except OSError:
                pass
            time.sleep(0.002)
        self.stop()
        raise NotUsable(f"{self.label}: no answer within 30 s: {self.last_words()}")

    def last_words(self):
        self.words.seek(0)
        return self.words.read()[-600:].decode(errors="replace").strip()

    def stop(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                print(f"{self.label}: did not stop within 10 s of SIGTERM", file=sys.stderr)
                # Its own session, so these are only its own processes.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def pids(self):
        return machine.family(self.process.pid)

    def processor_seconds(self):
        return machine.processor_seconds(self.pids())

    def memory(self):
        return machine.memory(self.pids())

    def check_log(self, answers):
        """Is what was answered in the access log? The last of it may still be
        in a buffer."""
        if not self.logs:
            return
        try:
            size = os.path.getsize(self.log)
        except OSError:
            size = 0
        if size < 30 * answers - 300_000:
            raise NotUsable(f"{size:,} bytes of access log for {answers:,} answers")

    def empty_log(self):
        """Keeps the disk from filling: logs are opened for appending."""
        try:
            os.truncate(self.log, 0)
        except OSError:
            pass

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def ask(self, *command):
        """The first line that a command prints."""
        done = subprocess.run(command, capture_output=True, text=True)
        return ((done.stdout + done.stderr).strip().splitlines() or ["?"])[0]


def _unprivileged():
    """User and group for workers, when root starts the server."""
    if os.getuid() != 0:
        return None
    for name in ("www-data", "http", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return user.pw_name, grp.getgrgid(user.pw_gid).gr_name
        except KeyError:
            pass
    return None


class Nginx(Server):
    name = "nginx"
    program = "nginx"
    proxies = True
    small = "tcp_nopush on;"

    def version(self):
        return self.ask(self.find(), "-v").rpartition("/")[2]

    def configure(self, workers):
        user = _unprivileged()
        serving = f"""
            root {self.site};
            location = {MOVED} {{ return 301 /small.html; }}
            location / {{ {self.small} }}
            # A head corked to a large answer waits for a full segment.
            location ~ \\.bin$ {{ tcp_nopush off; }}
        """
        if self.upstream:
            serving = "location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        up = f"upstream up {{ server {self.upstream}; keepalive 256; keepalive_requests 1000000000; }}" if self.upstream else ""
        return [self.find(), "-p", self.folder, "-e", os.path.join(self.folder, "error.log"), "-c", self.write("nginx.conf", f"""
daemon off;
{f"user {user[0]} {user[1]};" if user else ""}
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log error;
events {{ worker_connections 16384; }}
http {{
    types {{ text/html html; text/plain txt; }}
    default_type application/octet-stream;
    access_log {self.log} combined buffer=64k flush=1s;
    client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2;
    fastcgi_temp_path {self.folder}/t3; uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
    sendfile on;
    keepalive_timeout {self.idle}s;
    keepalive_requests 1000000000;
    reset_timedout_connection on;
    log_not_found off;
    open_file_cache max=20000 inactive=60s;
    open_file_cache_valid 60s;
    open_file_cache_errors on;
    ssl_certificate {self.cert};
    ssl_certificate_key {self.key};
    ssl_session_cache shared:tls:10m;
    {up}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096 {"reuseport" if workers > 1 else ""};
        listen 127.0.0.1:{self.tls_port} ssl http2 backlog=4096;
        autoindex on;
        {serving}
    }}
}}
""")]


class NginxReading(Nginx):
    """Nginx that reads small files instead of calling sendfile for them: one
    system call less, and the faster nginx where files are small. Not the way
    nginx is usually set up."""
    name = "nginx-read"
    proxies = False
    in_scenarios = "al"
    small = "sendfile off;"


class Lighttpd(Server):
    name = "lighttpd"
    program = "lighttpd"

    def version(self):
        return self.ask(self.find(), "-v").split()[0].rpartition("/")[2]

    def configure(self, workers):
        return [self.find(), "-D", "-f", self.write("lighttpd.conf", f"""
server.modules = ("mod_redirect", "mod_accesslog", "mod_openssl", "mod_dirlisting")
server.document-root = "{self.site}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.max-worker = {0 if workers == 1 else workers}
server.max-fds = 20000
server.max-connections = 19000
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = {self.idle}
server.max-read-idle = {self.idle}
server.errorlog = "{self.folder}/error.log"
accesslog.filename = "{self.log}"
index-file.names = ("index.html")
dir-listing.activate = "enable"
mimetype.assign = (".html" => "text/html", ".txt" => "text/plain", "" => "application/octet-stream")
url.redirect = ("^{MOVED.replace('.', chr(92) + '.')}$" => "/small.html")
$SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
    ssl.engine = "enable"
    ssl.pemfile = "{self.cert}"
    ssl.privkey = "{self.key}"
}}
""")]


class Caddy(Server):
    name = "caddy"
    program = "caddy"
    proxies = True

    def version(self):
        return self.ask(self.find(), "version").split()[0]

    def environment(self, workers):
        return {"GOMAXPROCS": str(workers), "HOME": self.folder,
                "XDG_DATA_HOME": self.folder, "XDG_CONFIG_HOME": self.folder}

    def configure(self, workers):
        serving = f"redir {MOVED} /small.html permanent\n    file_server browse"
        if self.upstream:
            serving = f"""reverse_proxy {self.upstream} {{
        transport http {{
            keepalive_idle_conns_per_host 256
            compression off
        }}
    }}"""
        return [self.find(), "run", "--adapter", "caddyfile", "--config", self.write("Caddyfile", f"""
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2
        timeouts {{
            idle {self.idle}s
        }}
    }}
    log default {{
        output file {self.folder}/caddy.log
        level ERROR
    }}
}}
(site) {{
    bind 127.0.0.1
    root * {self.site}
    log {{
        output file {self.log}
    }}
    {serving}
}}
http://:{self.port} {{
    import site
}}
https://:{self.tls_port} {{
    tls {self.cert} {self.key}
    import site
}}
""")]


class Apache(Server):
    name = "httpd"
    program = "apache2"

    @classmethod
    def find(cls):
        return super().find() or shutil.which("httpd")

    def version(self):
        return self.ask(self.find(), "-v").rpartition("/")[2].split()[0]

    def configure(self, workers):
        modules = next((path for path in (
            "/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
            if os.path.isdir(path)), None)
        if not modules:
            raise NotUsable("httpd: modules not found")
        wanted = ("mpm_event", "authz_core", "mime", "dir", "alias", "log_config", "ssl", "http2",
                  "socache_shmcb", "autoindex", "unixd")
        # A module that is not a file is compiled in.
        load = "\n".join(
            f"LoadModule {name}_module {modules}/mod_{name}.so"
            for name in wanted if os.path.exists(f"{modules}/mod_{name}.so"))
        user = _unprivileged()
        mime = next((path for path in ("/etc/mime.types", "/etc/httpd/conf/mime.types")
                     if os.path.exists(path)), self.write("mime.types", "text/html html\n"))
        return [self.find(), "-D", "FOREGROUND", "-d", self.folder, "-f", self.write("httpd.conf", f"""
{load}
{f"User {user[0]}" if user else ""}
{f"Group {user[1]}" if user else ""}
ServerName localhost
PidFile {self.folder}/httpd.pid
DefaultRuntimeDir {self.folder}
ErrorLog {self.folder}/error.log
LogLevel error
Listen 127.0.0.1:{self.port}
Listen 127.0.0.1:{self.tls_port} https
ListenBacklog 4096
StartServers {workers}
MinSpareThreads 1
MaxSpareThreads {workers * 128}
ServerLimit {workers}
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers {workers * 128}
AsyncRequestWorkerFactor 100
KeepAlive On
KeepAliveTimeout {self.idle}
MaxKeepAliveRequests 0
Timeout {self.idle}
EnableSendfile On
EnableMMAP On
FileETag MTime Size
TypesConfig {mime}
DocumentRoot {self.site}
DirectoryIndex index.html
BufferedLogs On
LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {self.log} combined
Redirect permanent {MOVED} /small.html
<Directory {self.site}>
    Require all granted
    AllowOverride None
    Options FollowSymLinks Indexes
</Directory>
Protocols h2 http/1.1
SSLSessionCache shmcb:{self.folder}/tls(512000)
<VirtualHost 127.0.0.1:{self.tls_port}>
    SSLEngine on
    SSLCertificateFile {self.cert}
    SSLCertificateKeyFile {self.key}
</VirtualHost>
""")]


class StaticWebServer(Server):
    name = "static-web-server"
    program = "static-web-server"

    def version(self):
        return self.ask(self.find(), "--version").split()[-1]

    def configure(self, workers):
        # It has one listener; TLS would be a second process.
        return [self.find(), "--config-file", self.write("sws.toml", f"""
[general]
host = "127.0.0.1"
port = {self.port}
root = "{self.site}"
log-level = "error"
threads-multiplier = 1
directory-listing = true
cache-control-headers = false
[advanced]
[[advanced.redirects]]
source = "{MOVED}"
destination = "/small.html"
kind = 301
""")]


class Haproxy(Server):
    name = "haproxy"
    program = "haproxy"
    proxies = True
    serves_files = False
    logs = False

    def version(self):
        return self.ask(self.find(), "-v").split()[2]

    def configure(self, workers):
        user = _unprivileged()
        return [self.find(), "-db", "-f", self.write("haproxy.cfg", f"""
global
    nbthread {workers}
    maxconn 9000
    {f"user {user[0]}" if user else ""}
defaults
    mode http
    timeout connect 5s
    timeout client {self.idle}s
    timeout server {self.idle}s
    timeout http-keep-alive {self.idle}s
    option http-keep-alive
    http-reuse always
frontend front
    bind 127.0.0.1:{self.port}
    default_backend up
backend up
    server one {self.upstream or "127.0.0.1:1"}
""")]


class Candor(Server):
    name = "candor"
    program = "candor"
    proxies = True
    path = None  # set by --candor
    access_log = True

    @classmethod
    def find(cls):
        return cls.path if cls.path and os.path.exists(cls.path) else None

    def version(self):
        return self.ask(self.find(), "--version").split()[-1]

    def configure(self, workers):
        log = f'{{ format = "combined", file = "{self.log}" }}' if self.access_log else '"off"'
        route = f'path = "{MOVED}"\nmoved = "/small.html"'
        if self.upstream:
            route = f'path = "/"\ngateway = {{ to = ["http://{self.upstream}"] }}'
        return [self.find(), "serve", "--config", self.write("candor.toml", f"""
listen = ["127.0.0.1:{self.port}", "https://127.0.0.1:{self.tls_port}"]
state = "{self.folder}/state"
access_log = {log}

[limits]
connections = 19000
idle_timeout = "{self.idle}s"

[[site]]
root = "{self.site}"
listing = true
tls = {{ cert = "{self.cert}", key = "{self.key}" }}

[[site.route]]
{route}
""")]


class CandorQuiet(Candor):
    """Candor without an access log: what the log costs."""
    name = "candor-quiet"
    in_scenarios = "m"
    logs = False
    access_log = False


KINDS = {kind.name: kind for kind in (
    Nginx, NginxReading, Lighttpd, Apache, Caddy, StaticWebServer, Haproxy, Candor, CandorQuiet)}
