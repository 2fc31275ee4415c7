"""Who is answered: this machine, under its own name, with the token where there is one, and only to read."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from archsearch.errors import InputError
from archsearch.reports.dashboard.guards import is_loopback
from archsearch.reports.dashboard.serving import listening, show_run
from tests.helpers.commands import Finished
from tests.reports.dashboard.conftest import browser

TOKEN = "a-token-of-many-letters"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8778", "localhost:1", "[::1]", "[::1]:8778"])
def test_the_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8778",
        "127.0.0.1:80@evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "[::1",
        "[::1]evil",
        "::1",
        "0.0.0.0",
        "2130706433",
        "",
        "127.0.0.1 evil",
        "LOCALHOST.",
        "127.0.0.1/evil",
    ],
)
def test_other_names_are_tricks_and_refused(client: TestClient, host: str) -> None:
    refused = client.get("/", headers={"host": host, "x-forwarded-host": "127.0.0.1"})
    assert refused.status_code == 400 and "tiny-1" not in refused.text


def test_a_forwarded_name_changes_nothing(client: TestClient) -> None:
    told = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "forwarded": "host=evil.example",
    }
    answer = client.get("/cell/c", headers=told)
    assert "evil" not in answer.text and "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "X"]
)
@pytest.mark.parametrize("address", ["/", "/leaderboard", "/static/htmx.js", "/nowhere"])
def test_nothing_but_reading_is_allowed_anywhere(client: TestClient, method: str, address: str) -> None:
    answer = client.request(method, address)
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD"
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_keeps_the_browser_from_doing_more_than_showing_it(client: TestClient) -> None:
    answers = [client.get(one) for one in ("/", "/nowhere", "/static/style.css", "/figure/progress.svg")]
    answers += [client.post("/"), client.get("/", headers={"host": "evil.example"}), client.head("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy or answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_without_the_token_nothing_is_shown(finished: Finished) -> None:
    with browser(finished.folder, token=TOKEN) as client:
        for address in (
            "/",
            "/leaderboard",
            "/static/htmx.js",
            "/?token=",
            "/?token=wrong",
            f"/?other={TOKEN}",
        ):
            assert client.get(address).status_code == 403, address
        for cookie in (
            "archsearch=wrong",
            f"other={TOKEN}",
            "archsearch",
            'archsearch="',
            "\xff=\xff; archsearch=ü",
        ):
            assert client.get("/", headers={"cookie": cookie.encode("latin-1")}).status_code == 403, cookie


def test_the_token_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_can_use(
    finished: Finished,
) -> None:
    with browser(finished.folder, host="192.0.2.7", token=TOKEN) as client:
        led = client.get(f"/?token={TOKEN}")
        assert led.status_code == 303 and led.headers["location"] == "/"
        cookie = led.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN in cookie
        assert client.get("/").status_code == 200
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_an_address_that_others_reach_needs_a_token(finished: Finished) -> None:
    with pytest.raises(InputError, match="give --token too"):
        show_run(finished.folder, "tiny-1", "192.0.2.7", 0, False, said=print)
    with pytest.raises(InputError, match="name one address of this machine"):
        show_run(finished.folder, "tiny-1", "0.0.0.0", 0, True, said=print)
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("10.0.0.1") and not is_loopback("example.org")


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1 is in use; give another with --port"):
            listening("127.0.0.1", port)
