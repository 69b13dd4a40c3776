"""Laws of the served run: the endpoint says what `Predictor` says, limits hold, a person can use the page in a real browser."""

import asyncio
import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import pytest

from inference.predictor import Predictor
from inference.run import Encoded, FinishedRun
from records.errors import CheckpointError, ServeError, TextError
from report import serve
from report.limits import BODY, CHARACTERS, TEXTS, UPLOADS, Gate, checked
from tests.conftest import ROOT, SmokeRun

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REVIEW = "The plot was superb and the acting was moving, but the script was dull. We watched it on a rainy evening."


@pytest.fixture(scope="module")
def predictor(smoke_run: SmokeRun) -> Predictor:
    return Predictor(FinishedRun.open(smoke_run.folder))


@pytest.fixture(scope="module")
def port(predictor: Predictor) -> Iterator[int]:
    """Of a server that runs in this process."""
    pytest.importorskip("gradio", reason="the extra `page` is not installed")
    server = serve.server(serve.application(predictor))
    with serve.listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def ask(
    port: int, body: Any, method: str = "POST", path: str = "/predict", headers: dict[str, str] | None = None
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Status, JSON and headers; a `body` that is no bytes is sent as JSON."""
    with contextlib.closing(http.client.HTTPConnection(serve.HOST, port, timeout=30)) as connection:
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or "null"), response.headers


def said(prediction: Any) -> Any:
    """A prediction as JSON, but for the time that it took."""
    fields = json.loads(json.dumps(prediction if isinstance(prediction, dict) else asdict(prediction)))
    return {key: value for key, value in fields.items() if key != "milliseconds"}


# -- the endpoint ------------------------------------------------------------------------------------------------------


def test_the_endpoint_says_what_the_predictor_says(predictor: Predictor, port: int) -> None:
    status, answer, _ = ask(port, {"text": REVIEW})
    assert status == 200 and said(answer) == said(predictor(REVIEW)) and answer["milliseconds"] > 0
    for study in (*(study.id for study in predictor.run.results), "ensemble"):
        expected = Predictor(predictor.run, study)(REVIEW)
        assert said(ask(port, {"text": REVIEW, "study": study})[1]) == said(expected)


def test_a_batch_is_answered_in_its_order_with_errors_in_their_places(predictor: Predictor, port: int) -> None:
    texts = [REVIEW, "", "the plot was dull " * 80, 7, "x" * (CHARACTERS + 1), "superb"]
    status, answer, _ = ask(port, {"texts": texts})
    assert status == 200
    assert [list(one) == ["error"] for one in answer["predictions"]] == [False, True, False, True, True, False]
    for number in (0, 2, 5):
        found, alone = said(answer["predictions"][number]), said(predictor(str(texts[number])))
        rounded = {"probability": 0, "confidence": 0, "probabilities": {}}
        assert found | rounded == alone | rounded
        assert found["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-6)
    assert "empty" in answer["predictions"][1]["error"] and "got int" in answer["predictions"][3]["error"]
    assert ask(port, {"texts": []})[1] == {"predictions": []}


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "the body is not JSON"),
        (b"{'text': 1}", 400, "the body is not JSON"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 200_000, 400, "too many brackets"),
        (["text"], 422, "expected a JSON object, got a list"),
        (7, 422, "expected a JSON object, got a number"),
        ({}, 422, "expected either text or texts"),
        ({"text": "a", "texts": ["a"]}, 422, "expected either text or texts"),
        ({"text": "a", "model": "gru"}, 422, "unknown: 'model'"),
        ({"text": 7}, 422, "expected a text, got int"),
        ({"text": None}, 422, "expected a text, got nothing"),
        ({"texts": "a"}, 422, "texts: expected a list of texts, got a text"),
        ({"texts": {"0": "a"}}, 422, "texts: expected a list of texts, got an object"),
        ({"texts": None}, 422, "texts: expected a list of texts, got null"),
        ({"text": "a", "study": 1}, 422, "study: expected a name, got a number"),
        ({"text": "a", "study": "gruu"}, 422, "no study is named 'gruu'"),
        ({"text": "a", "study": "\ud800"}, 422, "no study is named"),
        ({"text": "a", "\ud800": 1}, 422, "half a character stands in it"),
        ({"text": "   "}, 422, "the text is empty"),
        ({"text": "superb \ud800"}, 422, "half a character"),
        ({"text": "a " * (CHARACTERS // 2 + 1)}, 422, f"at most {CHARACTERS:,} are read here"),
        ({"texts": ["a"] * (TEXTS + 1)}, 422, f"at most {TEXTS} are read in one request"),
    ],
)
def test_a_request_without_an_answer_gets_one_sentence_that_says_why(port: int, body: Any, status: int, sentence: str) -> None:
    code, answer, headers = ask(port, body)
    assert code == status and list(answer) == ["error"] and sentence in answer["error"]
    assert "\n" not in answer["error"] and headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_told_which_one_it_is(port: int, method: str) -> None:
    status, answer, headers = ask(port, b"", method)
    assert status == 405 and headers["allow"] == "POST" and "POST /predict takes" in answer["error"]


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_length(port: int) -> None:
    for size in (BODY + 1, 3 * BODY):
        status, answer, _ = ask(port, b" " * size)
        assert status == 413 and f"at most {BODY:,} bytes" in answer["error"]
    with contextlib.closing(http.client.HTTPConnection(serve.HOST, port, timeout=30)) as connection:
        connection.request("POST", "/predict", iter([b" " * 600_000] * 2), encode_chunked=True)
        assert connection.getresponse().status == 413
    assert ask(port, json.dumps({"text": "superb"}).encode().ljust(BODY))[0] == 200


def test_a_checkpoint_that_cannot_be_read_is_said_so(predictor: Predictor, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise CheckpointError("gru.keras is damaged")

    monkeypatch.setattr(FinishedRun, "trained", damaged)
    assert ask(port, {"text": REVIEW})[:2] == (500, {"error": "gru.keras is damaged"})


def test_health_names_the_run(predictor: Predictor, port: int) -> None:
    status, answer, _ = ask(port, b"", "GET", "/health")
    assert status == 200 and answer["status"] == "ok" and answer["run"] == predictor.run.name and answer["is_demo"] is True


def test_the_server_is_reached_by_any_name_but_only_on_the_loopback_address(port: int) -> None:
    assert ask(port, {"text": REVIEW}, headers={"Host": "reviews.example"})[0] == 200
    with pytest.raises(ConnectionRefusedError):  # another address of the same machine
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


def test_threads_that_ask_a_fresh_run_at_once_get_the_same_answers(smoke_run: SmokeRun, predictor: Predictor) -> None:
    fresh = Predictor(FinishedRun.open(smoke_run.folder))
    texts = [REVIEW, REVIEW * 4, "superb"] * 8
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: said(serve.answer(fresh, serve.Asked(text=text))), texts))
    assert found == [said(predictor(text)) for text in texts]


# -- limits ------------------------------------------------------------------------------------------------------------


def through(gate: Gate, method: str = "POST", path: str = "/predict") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what the gate, or the application behind it, answers."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "client": ("127.0.0.1", 5)}
    asyncio.run(gate(scope, receive, send))  # type: ignore[arg-type]
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def test_the_gate_lets_requests_through_and_keeps_files_out() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": (await receive())["body"]})

    gate = Gate(echo)
    assert [through(gate) for _ in range(200)] == [(200, {}, b"{}")] * 200  # however many one client sends
    assert through(gate, "GET")[0] == 200
    assert through(gate, path=UPLOADS)[0] == 404


def test_a_text_from_outside_is_text_of_bounded_length() -> None:
    assert checked("é" * CHARACTERS) == "é" * CHARACTERS
    for bad in ("é" * (CHARACTERS + 1), None, b"good", ["good"]):
        with pytest.raises(TextError):
            checked(bad)


# -- starting and ending -----------------------------------------------------------------------------------------------


def test_a_port_that_cannot_be_had_is_one_sentence() -> None:
    with serve.listen(0) as taken:
        assert taken.getsockname()[0] == "127.0.0.1" and taken.proto == socket.IPPROTO_TCP  # else asyncio sends with delay
        for port in (taken.getsockname()[1], 70_000):
            with pytest.raises(ServeError, match=rf"port {port} of 127.0.0.1 cannot be had .*--port"):
                serve.listen(port)


def test_without_its_packages_the_page_says_how_to_get_them(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ServeError, match="make run EXTRAS=page installs it"):
        serve.serve(predictor, 0, open_browser=False)


def test_the_application_can_be_made_where_an_event_loop_runs(predictor: Predictor) -> None:
    async def in_a_loop() -> object:
        return serve.application(predictor)

    assert asyncio.run(in_a_loop()) is not None


def test_a_served_run_says_where_it_is_and_ends_in_order(smoke_run: SmokeRun) -> None:
    pytest.importorskip("gradio", reason="the extra `page` is not installed")
    code = (
        "import sys; from inference.predictor import Predictor; from report.serve import serve;"
        "assert not {'gradio', 'fastapi', 'keras', 'tensorflow'} & set(sys.modules);"
        "serve(Predictor.load(sys.argv[1]), 0, open_browser=False)"
    )
    command = [sys.executable, "-u", "-c", code, str(smoke_run.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert "is served at http://127.0.0.1:" in line
        assert ask(int(line.split("127.0.0.1:")[1].split()[0]), {"text": REVIEW})[0] == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out == "The server has ended.\n" and err == ""


def test_the_browser_is_opened_where_it_is_wanted(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(address: str) -> None:
        addresses.append(address)
        opened.set()

    class Interrupted:
        def run(self, sockets: list[socket.socket]) -> None:
            opened.wait(10)
            raise KeyboardInterrupt

    opened, addresses = threading.Event(), list[str]()
    monkeypatch.setattr(serve, "application", lambda _: None)
    monkeypatch.setattr(serve, "server", lambda _: Interrupted())
    monkeypatch.setattr(serve.webbrowser, "open", show)
    serve.serve(predictor, 0, open_browser=True)
    assert len(addresses) == 1 and addresses[0].startswith("http://127.0.0.1:")


# -- the page, in a browser --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright, which drives the browser, is not installed")
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, port: int) -> Iterator[Any]:
    """The page, opened; at the end there is no complaint, and nothing was asked of another machine."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    tab, complaints, asked = context.new_page(), list[str](), list[str]()
    tab.on("console", lambda message: complaints.extend([message.text] if message.type in ("error", "warning") else []))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_default_timeout(20_000)
    tab.goto(f"http://{serve.HOST}:{port}/")
    tab.wait_for_selector("#read")
    yield tab
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((f"http://{serve.HOST}:{port}/", "data:", "blob:"))] == []


def read(page: Any, text: str) -> None:
    page.locator("#review textarea").fill(text)
    page.get_by_role("button", name="Read it").click()


def test_a_person_sees_the_verdict_the_words_every_architecture_and_the_chart(predictor: Predictor, page: Any) -> None:
    assert "generated reviews" in page.locator(".banner").inner_text() and page.locator("#details").is_hidden()
    read(page, REVIEW)
    page.wait_for_selector("#running .js-plotly-plot .scatterlayer .trace")
    expected, run = predictor(REVIEW), predictor.run
    assert page.locator(".said").inner_text() == expected.label
    assert page.locator(".bar .number").nth(0).inner_text() == f"{100 * expected.probability:.1f}\u00a0%"
    assert page.locator(".bar .number").nth(1).inner_text() == f"{100 * (1 - expected.probability):.1f}\u00a0%"
    assert expected.bucket in page.locator("dl.facts").inner_text()
    assert page.locator(".explained span").count() == len(predictor.encode(REVIEW).ids)
    assert "The shares of integrated gradients" in page.locator("#words").inner_text()
    assert "in a random order" in page.locator("#words").inner_text()
    names = [run.roster.title(name) for name in run.contenders]
    assert [name.strip() for name in page.locator("#architectures td:first-child").all_inner_texts()] == names
    assert page.locator("#running .legendtext").all_text_contents() == names
    first = page.locator("#running .scatterlayer .js-line").nth(0).evaluate("line => getComputedStyle(line).stroke")
    assert first == f"rgb({', '.join(str(int(run.roster.colour(run.contenders[0])[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_other_methods_and_other_architectures_give_their_own_account(predictor: Predictor, page: Any) -> None:
    read(page, REVIEW)
    page.wait_for_selector("#running .js-plotly-plot .scatterlayer .trace")
    before = page.locator(".explained").inner_html()
    page.get_by_label("occlusion").check()
    page.get_by_text("By how much the logit, or the margin, falls when the word is left out.").wait_for()
    assert page.locator(".explained").inner_html() != before
    page.locator("#whose input").click()
    page.get_by_role("option", name="Naive-Bayes linear model").click()
    page.get_by_text("Each word's share of the logit").wait_for()
    assert page.locator(".explained").inner_html() != before
    assert page.get_by_label("integrated gradients").is_checked()


def test_an_example_is_read_at_a_click(page: Any) -> None:
    page.get_by_role("button", name="praise, but").click()
    page.wait_for_selector(".said")
    assert page.locator("#review textarea").input_value().startswith("The photography is superb")


def test_a_bad_text_is_one_sentence_on_the_page_and_no_trace(page: Any) -> None:
    read(page, "superb")
    page.wait_for_selector(".said")
    read(page, "  ")
    page.wait_for_selector("#verdict .banner")
    assert page.locator("#verdict").inner_text() == "The text is empty: no word is in it."
    assert page.locator("#details").is_hidden() and page.locator(".toast-wrap .toast-body").count() == 0


def test_what_stands_in_a_text_is_shown_and_never_run(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read(page, "<script>window.hacked = 1</script> <img src=x onerror='window.hacked=1'> superb film")
    page.wait_for_selector("#running .js-plotly-plot .scatterlayer .trace")
    assert page.evaluate("window.hacked") is None
    bad = ("<img src=x onerror='window.hacked=1'>", "${window.hacked=1}", "{{value}}", "<script>window.hacked=1</script>")
    encode = FinishedRun.encode

    def encode_badly(run: FinishedRun, text: str) -> Encoded:  # as words never are, but pieces of words may be
        encoded = encode(run, text)
        words = tuple(bad[number % len(bad)] for number in range(len(encoded.words)))
        return replace(encoded, words=words, unknown=bad, dropped=bad)

    monkeypatch.setattr(FinishedRun, "encode", encode_badly)
    read(page, "superb superb superb superb plot")
    page.get_by_text("not in the data's word index").wait_for()
    page.wait_for_function("document.querySelectorAll('.explained span').length == 6")
    page.wait_for_timeout(500)
    assert page.locator(".explained span").nth(1).inner_text() == bad[0]
    page.locator("#running .nsewdrag").first.hover(position={"x": 300, "y": 100})
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_a_phone_and_a_screen(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    read(page, REVIEW)
    page.wait_for_selector("#running .js-plotly-plot .scatterlayer .trace")
    time.sleep(0.5)  # the chart follows the width
    assert page.evaluate("document.documentElement.scrollWidth") == width
