"""The probe against nginx: what a real server makes of our requests."""

import os
import shutil
import socket
import subprocess
import time

import pytest

from pangea.core.model import Outcome
from tests.ports import free_ports

pytestmark = pytest.mark.needs("nginx")

CONFIG = """
daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fcgi; uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    types {{ text/html html; application/json json; }}
    gzip on; gzip_min_length 20; gzip_types application/json;
    root {dir}/www;
    ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.pem;
    ssl_client_certificate {dir}/ca.pem; ssl_verify_client optional;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl http2;
        location /hop/1 {{ return 301 /hop/2; }}
        location /hop/2 {{ return 302 https://127.0.0.1:{secure}/page.html; }}
        location /loop {{ return 302 /loop; }}
        location /private {{
            auth_basic "people"; auth_basic_user_file {dir}/users;
            try_files /page.html =404;
        }}
        location /strict {{
            if ($ssl_client_verify != SUCCESS) {{ return 403; }}
            try_files /page.html =404;
        }}
        location /echo {{ return 200 "$request_method $host $server_protocol"; }}
    }}
}}
"""
PAGE = "<html><body>" + "pangea " * 500 + "</body></html>"


class Nginx:
    """Where a running nginx listens."""

    def __init__(self, directory):
        self.plain, self.secure = free_ports(2)
        config = directory / "nginx.conf"
        ports = {"plain": self.plain, "secure": self.secure}
        config.write_text(CONFIG.format(dir=directory, **ports))
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        command = [
            program,
            "-p",
            directory,
            "-c",
            config,
            "-e",
            directory / "error.log",
        ]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.secure)).close()
            except OSError:
                assert self.process.poll() is None, "nginx did not start"
                time.sleep(0.02)
            else:
                return

    def url(self, path, secure=True):
        port = self.secure if secure else self.plain
        return f"{'https' if secure else 'http'}://127.0.0.1:{port}{path}"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, authority):
    directory = tmp_path_factory.mktemp("nginx")
    (directory / "www").mkdir()
    (directory / "www" / "page.html").write_text(PAGE)
    json = '{"status": "ok", "disks": [{"free": 12}], "note": "' + "x" * 99 + '"}'
    (directory / "www" / "state.json").write_text(json)
    (directory / "users").write_text("me:{PLAIN}pw\n")
    cert = authority.issue_cert("127.0.0.1")
    pem = cert.private_key_pem.bytes() + cert.cert_chain_pems[0].bytes()
    (directory / "server.pem").write_bytes(pem)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    server = Nginx(directory)
    yield server
    server.process.terminate()
    server.process.wait(10)


@pytest.mark.parametrize("http2", ["off", "require"])
async def test_a_packed_page_is_read_whole(ask, nginx, ca_file, http2):
    result = await ask(
        "http",
        nginx.url("/page.html"),
        ca_file=ca_file,
        http2=http2,
        body_contains="pangea </body>",
        body_regex="^<html>",
        expect_headers=["Content-Encoding: ^gzip$", "Server: nginx", "!X-Powered-By"],
        tls_required=True,
        max_age_s=3600,
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["bytes"] == len(PAGE)
    assert result.readings["http_version"] == ("2" if http2 == "require" else "1.1")


@pytest.mark.parametrize("http2", ["off", "require"])
async def test_json_is_judged(ask, nginx, ca_file, http2):
    how = {"ca_file": ca_file, "http2": http2}
    good = ['$.status == "ok"', "$.disks[0].free > 10", "$.disks len == 1"]
    result = await ask("http", nginx.url("/state.json"), json=good, **how)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    bad = await ask("http", nginx.url("/state.json"), json="$.disks[0].free>20", **how)
    assert bad.detail == "$.disks[0].free is 12, wanted > 20"


@pytest.mark.parametrize("http2", ["off", "auto"])
async def test_redirects_are_followed_to_tls(ask, nginx, ca_file, http2):
    begin = nginx.url("/hop/1", secure=False)
    result = await ask("http", begin, ca_file=ca_file, http2=http2)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert [hop["status"] for hop in result.readings["hops"]] == [301, 302, 200]
    assert result.readings["final_url"] == nginx.url("/page.html")
    assert result.readings["http_version"] == ("2" if http2 == "auto" else "1.1")
    loop = await ask("http", nginx.url("/loop", secure=False), max_redirects=3)
    assert (loop.reason, len(loop.readings["hops"])) == ("redirect", 4)


@pytest.mark.parametrize("http2", ["off", "require"])
async def test_a_login_is_asked_for_and_given(ask, nginx, ca_file, http2):
    how = {"ca_file": ca_file, "http2": http2}
    url = nginx.url("/private")
    assert (await ask("http", url, **how)).detail == "got status 401, wanted 200-299"
    good = await ask("http", url, user="me", password="pw", **how)
    assert (good.outcome, good.detail) == (Outcome.OK, "")
    bad = await ask("http", url, user="me", password="no", **how)
    assert bad.reason == "status"


@pytest.mark.parametrize("http2", ["off", "require"])
async def test_a_client_certificate_opens_the_door(
    ask, nginx, ca_file, authority, http2
):
    person = authority.issue_cert("person@example.lan")
    how = {"ca_file": ca_file, "http2": http2}
    shown = {
        "client_cert": person.cert_chain_pems[0].bytes().decode(),
        "client_key": person.private_key_pem.bytes().decode(),
    }
    result = await ask("http", nginx.url("/strict"), **how)
    assert result.detail == "got status 403, wanted 200-299"
    result = await ask("http", nginx.url("/strict"), **how, **shown)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("http2", ["off", "require"])
async def test_every_method_is_understood(ask, nginx, ca_file, method, http2):
    version = "2.0" if http2 == "require" else "1.1"
    said = f"{method} a.example HTTP/{version}"
    result = await ask(
        "http",
        nginx.url("/echo"),
        ca_file=ca_file,
        http2=http2,
        method=method,
        headers={"Host": "a.example"},
        body="x" * 60_000 if method in ("POST", "PUT") else "",
        body_contains="" if method == "HEAD" else said,
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
