"""`segmentwerk serve`: no 500 whatever is sent, and every answer is strict JSON."""

import contextlib
import json
import random
import threading
import time

import mlflow
import pytest
import requests
import uvicorn

from segmentwerk.scoring import webservice
from segmentwerk.scoring.webservice import DEEPEST, ENTRY, application

JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def running(app):
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(saved):
    with running(application(mlflow.pyfunc.load_model(str(saved)))) as address:
        yield address


def said(answer):
    """Parse an answer as clients do that know no NaN; insist that nothing failed."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/json"
    found = json.loads(answer.text, parse_constant=refuse)
    if answer.status_code >= 400:
        assert set(found) == {"error_code", "message"}
        assert found["message"]
        assert len(found["message"]) < 2_100
    return found


def post(address, body, headers=JSON):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return requests.post(f"{address}{ENTRY}", data=content, headers=headers, timeout=60)


def test_accounts_are_assigned_as_in_python(address, model, accounts):
    rows = accounts.head(20)
    split = json.loads(rows.to_json(orient="split", index=False, double_precision=15))
    answer = post(address, {"dataframe_split": split})
    assert answer.status_code == 200
    found = said(answer)["predictions"]
    assert [row["segment_id"] for row in found] == model.predict(rows)["segment_id"].tolist()
    parquet = post(address, rows.to_parquet(), {"Content-Type": "application/vnd.apache.parquet"})
    wanted = ("account_id", "segment_id", "reason_1", "reason_2", "reason_3")
    for one, other in zip(said(parquet)["predictions"], found, strict=True):
        assert [one[name] for name in wanted] == [other[name] for name in wanted]


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 1_000, 100_000])
@pytest.mark.parametrize(
    "form",
    [
        "%s",
        '{"dataframe_records": %s}',
        '{"dataframe_records": [{"frequency": %s}]}',
        '{"dataframe_split": {"columns": ["frequency"], "data": %s}}',
        '{"dataframe_records": [{"frequency": 1}], "params": {"columns": %s}}',
        '{"inputs": {"frequency": %s}}',
        '{"instances": [{"industry": "\\"[", "x": "]]]]]]]]]]", "frequency": %s}]}',
    ],
)
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_nested_json_is_refused(address, form, depth, left, right):
    assert post(address, form % (left * depth + "1" + right * depth)).status_code == 400
    assert said(post(address, form % (left * depth))) is not None


def test_brackets_in_texts_are_no_nesting(address):
    body = {"dataframe_records": [{"account_id": "[" * 1_000 + '\\"{', "frequency": 3}]}
    assert said(post(address, body))["predictions"][0]["account_id"] == "[" * 1_000 + '\\"{'


def test_the_depth_is_found_in_time_proportional_to_the_length():
    began = time.perf_counter()
    for body in (b'"' + b'\\"' * 1_000_000, b'"' * 1_000_001, b"[" * 1_000_000, b'"\\' * 500_000):
        webservice._depth(body)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        ";",
        "text/plain",
        "text/csv",
        "application/xml",
        "a" * 5_000,
        "multipart/form-data; boundary=x",
    ],
)
def test_other_kinds_of_content_are_refused(address, kind):
    answer = post(
        address,
        '{"dataframe_records": [{"frequency": 1}]}',
        {"Content-Type": kind} if kind is not None else {},
    )
    assert answer.status_code == 415
    assert "application/json" in said(answer)["message"]


@pytest.mark.parametrize("more", ["charset=latin-1", "x=y", "charset"])
def test_refusals_of_mlflow_are_json_too(address, more):
    answer = post(
        address, '{"dataframe_records": [{"frequency": 1}]}', {"Content-Type": f"application/json; {more}"}
    )
    assert answer.status_code == 415
    assert said(answer)


@pytest.mark.parametrize(
    ("verb", "path"), [("GET", ENTRY), ("PUT", ENTRY), ("POST", "/nowhere"), ("GET", "/a/../b")]
)
def test_wrong_addresses_are_told_in_json(address, verb, path):
    assert said(requests.request(verb, f"{address}{path}", timeout=60))


def test_it_says_that_it_lives(address):
    assert requests.get(f"{address}/ping", timeout=60).status_code == 200


def test_a_message_repeats_neither_the_input_nor_a_stack_trace(address):
    message = said(post(address, {"dataframe_records": [{"account_id": "Secret Ltd", "frequency": -5}]}))[
        "message"
    ]
    assert message == "Column 'frequency' cannot be below 0; row 0 holds -5."
    junk = said(post(address, "x" * 1_000_000))["message"]
    assert "valid JSON" in junk


LEAVES = [None, True, 0, -1, 1.5, 10**400, 1e308, "", "x", "\ud800", "\x00", "NaN", [], {}, [[1]], {"a": 1}]
KEYS = ["frequency", "industry", "account_id", "columns", "data", "index", "params", "", "a"]


def anything(draw, depth=0):
    if depth > 3 or draw.random() < 0.6:
        return draw.choice(LEAVES)
    if draw.random() < 0.5:
        return [anything(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(KEYS): anything(draw, depth + 1) for _ in range(draw.randrange(4))}


def request_of(draw):
    """Return something that is nearly a request."""
    forms = {
        "dataframe_records": lambda: [
            {key: anything(draw) for key in KEYS[:3]} for _ in range(draw.randrange(3))
        ],
        "dataframe_split": lambda: {
            "columns": draw.choice(
                [["frequency"], ["frequency"] * 2, ["industry", "account_id"], [1], None, "x"]
            ),
            "data": draw.choice([[[anything(draw)]], [[anything(draw), anything(draw)]], [], [1], None]),
        },
        "inputs": lambda: anything(draw),
        "instances": lambda: anything(draw),
        "messages": lambda: anything(draw),
    }
    form = draw.choice(list(forms))
    body = {form: forms[form]()}
    if draw.random() < 0.3:
        body["params"] = draw.choice(
            [anything(draw), {"columns": anything(draw)}, {"columns": ["segment_id"]}]
        )
    return body


def test_whatever_is_sent_nothing_fails(address):
    draw, statuses = random.Random(0), set()
    with requests.Session() as session:
        for _ in range(400):
            text = json.dumps(request_of(draw))
            for content in (text, text[: draw.randrange(len(text))]):
                answer = session.post(f"{address}{ENTRY}", data=content, headers=JSON, timeout=60)
                said(answer)
                statuses.add(answer.status_code)
    assert statuses == {200, 400}


def test_a_failure_behind_is_told_in_json():
    async def broken(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"Internal Server Error"})
        raise RuntimeError("broken")

    async def silent(_scope, _receive, _send):
        raise RuntimeError("broken")

    for behind in (broken, silent):
        with running(webservice.Guard(behind)) as address:
            answer = post(address, "{}")
            assert answer.status_code == 500
            assert set(answer.json()) == {"error_code", "message"}
