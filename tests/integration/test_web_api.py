"""The JSON API: open for papers, closed for people's data, and true to its own description."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from paperround.domain.errors import UsageError
from paperround.domain.models import Stage
from paperround.domain.scopes import SCOPES
from paperround.operator import api_tokens
from paperround.rounds.search import MAX_LISTED
from paperround.subscribers import membership
from paperround.web.browse.papers import PAGE
from support.pages import ADMIN, ADMIN_SITE, Pages

EMAIL = "ada@lovelace.example"
JSON = {**ADMIN, "Content-Type": "application/json"}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site=ADMIN_SITE)
    yield made
    made.app.close()


def test_papers_and_topics_are_open(pages: Pages) -> None:
    newest = pages.client.get("/api/papers?limit=2").json()
    assert [paper["id"] for paper in newest] == ["2611.00005", "2611.00004"]
    assert newest[0]["page"] == "https://papers.example.org/papers/2611.00005"
    assert len(pages.client.get("/api/papers?day=2026-11-20").json()) == 6
    (found,) = pages.client.get("/api/papers?q=agents").json()
    assert found["why"][0] == "title: agents"
    assert pages.client.get("/api/papers/2611.00001").json()["authors"] == ["Ada Author1", "Ben Bookman"]
    assert pages.client.get("/api/papers/nothing").status_code == 404
    assert [topic["slug"] for topic in pages.client.get("/api/topics").json()] == ["robots", "agents"]
    wrong = pages.client.get("/api/papers?q=-robots")
    assert wrong.status_code == 400
    assert "everything except" in wrong.json()["detail"]


def test_a_search_lists_as_many_papers_as_the_search_page(pages: Pages) -> None:
    last = f"/api/papers?q=robots&limit=10&offset={MAX_LISTED - 10}"
    assert pages.client.get(last).status_code == 200
    beyond = pages.client.get(f"/api/papers?q=robots&limit=10&offset={MAX_LISTED - 9}")
    assert beyond.status_code == 422
    assert beyond.json()["detail"] == "a search lists 600 papers at most; narrow it down, for example with `day`"
    assert pages.client.get("/api/papers?limit=10&offset=100000").json() == []
    assert pages.client.get(f"/search?q=robots&page={MAX_LISTED // PAGE + 1}").status_code == 404


def test_peoples_data_needs_a_token(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    before = pages.dump()
    for method, path in [
        ("GET", "/api/subscribers"),
        ("POST", "/api/subscribers"),
        ("GET", f"/api/subscribers/{EMAIL}"),
        ("DELETE", f"/api/subscribers/{EMAIL}"),
        ("POST", f"/api/subscribers/{EMAIL}/unsubscribe"),
        ("GET", "/api/deliveries"),
        ("GET", "/api/deliveries/1"),
        ("POST", "/api/deliveries/1/retry"),
        ("PUT", "/api/topics/x"),
    ]:
        for headers in ({}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic eDp5"}):
            answer = pages.client.request(method, path, headers=headers, json={})
            assert answer.status_code == 401, f"{method} {path}"
            assert EMAIL not in answer.text
            pages.web.state.context.limits.logging_in.clear("bearer 203.0.113.5")
    assert pages.dump() == before


def test_a_program_gets_a_token_of_its_own_that_can_be_taken_back(pages: Pages) -> None:
    operator = pages.operator()
    (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', operator.get("/admin/tokens").text)
    wiki = {"csrf": csrf, "name": "our wiki", "do": "make", "scope": "subscribers:read"}
    made = operator.post("/admin/tokens", data=wiki).text
    (token,) = re.findall(r"it is not shown again: <code>([\w-]+)</code>", made)
    assert token not in str(pages.dump())
    assert token not in operator.get("/admin/tokens").text
    for _ in range(10):
        assert pages.client.get("/api/subscribers", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert operator.post("/admin/tokens", data=wiki).status_code == 422
    assert operator.post("/admin/tokens", data={"csrf": csrf, "name": " ", "do": "make"}).status_code == 422
    operator.post("/admin/tokens", data={"csrf": csrf, "name": "our wiki", "do": "revoke"})
    assert pages.client.get("/api/subscribers", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_what_its_scopes_say_and_nothing_else(pages: Pages, scope: str) -> None:
    pages.subscriber(EMAIL)
    bearer = {"Authorization": f"Bearer {api_tokens.make(pages.app, 'a program', [scope])}"}
    for wanted, method, path, body in [
        ("subscribers:read", "GET", "/api/subscribers", None),
        ("subscribers:read", "GET", f"/api/subscribers/{EMAIL}", None),
        ("subscribers:write", "POST", "/api/subscribers", {"email": "bob@papers.example", "topics": ["robots"]}),
        ("subscribers:write", "POST", f"/api/subscribers/{EMAIL}/pause", None),
        ("topics:write", "PUT", "/api/topics/tables", {"name": "Tables", "query": "tables"}),
        ("deliveries:read", "GET", "/api/deliveries", None),
        ("deliveries:write", "POST", "/api/deliveries/1/retry", None),
        ("bounces:post", "POST", "/hooks/bounces", []),
        ("metrics:read", "GET", "/metrics", None),
        ("subscribers:write", "DELETE", f"/api/subscribers/{EMAIL}", None),
    ]:
        answer = pages.client.request(method, path, headers=bearer, json=body)
        assert (answer.status_code == 403) is (wanted != scope), f"{method} {path}: {answer.status_code}"
        if path.startswith("/api") and answer.status_code == 200:
            assert answer.headers["cache-control"] == "no-store"


def test_a_token_ends_and_tells_when_it_was_used_last(pages: Pages) -> None:
    token = api_tokens.make(pages.app, "a program", ["subscribers:read"], days=2)
    bearer = {"Authorization": f"Bearer {token}"}
    assert pages.app.store.access.tokens()[0].last_used_at is None
    assert pages.client.get("/api/subscribers", headers=bearer).status_code == 200
    assert pages.app.store.access.tokens()[0].last_used_at == pages.site.clock()
    pages.site.clock.now += timedelta(days=2)
    assert pages.client.get("/api/subscribers", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", ["metrics:read"], None), ("x" * 41, ["metrics:read"], None), ("x", [], None), ("x", ["all"], None),
     ("x", ["metrics:read"], 0), ("x", ["metrics:read"], 10_000)],
)  # fmt: skip
def test_a_token_that_makes_no_sense_is_not_made(
    pages: Pages, name: str, scopes: list[str], days: int | None
) -> None:
    with pytest.raises(UsageError):
        api_tokens.make(pages.app, name, scopes, days)
    assert pages.app.store.access.tokens() == []


def test_a_subscriber_from_beginning_to_end(pages: Pages) -> None:
    asked = pages.client.post("/api/subscribers", json={"email": EMAIL, "topics": ["robots"]}, headers=ADMIN)
    assert asked.status_code == 201
    assert asked.json()["state"] == "pending"
    assert pages.letters()[0]["Subject"].startswith("Confirm")
    body = {
        "email": EMAIL,
        "topics": ["robots"],
        "cadence": "weekly",
        "at": "06:30",
        "timezone": "Asia/Tokyo",
        "confirmed": True,
    }
    assert pages.client.post("/api/subscribers", json=body, headers=ADMIN).json()["state"] == "active"
    path = f"/api/subscribers/{EMAIL}"
    assert pages.client.get(path, headers=ADMIN).json()["timezone"] == "Asia/Tokyo"
    assert pages.client.post(f"{path}/pause?until=2026-12-24", headers=ADMIN).json()["paused_until"] == "2026-12-24"
    assert pages.client.post(f"{path}/resume", headers=ADMIN).json()["state"] == "active"
    assert pages.client.post(f"{path}/unsubscribe", headers=ADMIN).json()["state"] == "unsubscribed"
    assert pages.client.post(f"{path}/pause", headers=ADMIN).status_code == 400
    assert pages.client.post("/api/subscribers", json=body, headers=ADMIN).json()["state"] == "unsubscribed"
    assert [
        one["email"] for one in pages.client.get("/api/subscribers?state=unsubscribed", headers=ADMIN).json()
    ] == [EMAIL]
    assert pages.client.request("DELETE", path, headers=ADMIN).status_code == 204
    assert pages.client.get(path, headers=ADMIN).status_code == 404
    for wrong in (
        {"email": "x", "topics": ["robots"]},
        {"email": EMAIL, "topics": ["nowhere"]},
        {"email": EMAIL, "topics": []},
    ):
        assert pages.client.post("/api/subscribers", json=wrong, headers=ADMIN).status_code in (400, 422)


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/api/subscribers", '{"email": "b@x.example", "topics": ["robots"], "cadense": 1}', "cadense"),
        ("PATCH", f"/api/subscribers/{EMAIL}", '{"email": "new@x.example"}', "email"),
        ("PUT", "/api/topics/new", '{"name": "New", "query": "new", "title": "New"}', "title"),
    ],
)
def test_an_unknown_field_is_refused_by_name(method: str, path: str, body: str, told: str, pages: Pages) -> None:
    pages.subscriber(EMAIL)
    before = pages.app.store.subscribers.count()
    answer = pages.client.request(method, path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()) == (422, {"detail": f"{told}: is not known"})
    assert pages.app.store.subscribers.count() == before


def test_an_entry_of_a_list_is_counted_from_1(pages: Pages) -> None:
    answer = pages.client.post("/api/subscribers", json={"email": EMAIL, "topics": ["robots", None]}, headers=ADMIN)
    told = "topics (entry 2): must be text, in quotation marks"
    assert (answer.status_code, answer.json()) == (422, {"detail": told})


def test_a_body_that_is_not_json_is_reported_as_such(pages: Pages) -> None:
    answer = pages.client.post("/api/subscribers", content="{", headers=JSON)
    assert (answer.status_code, answer.json()) == (422, {"detail": "body: is not JSON"})


def test_letters_and_what_became_of_them(pages: Pages) -> None:
    pages.subscriber(EMAIL, at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.2.2 mailbox full"))
    pages.letters()
    (failed,) = pages.client.get("/api/deliveries?state=failed", headers=ADMIN).json()
    assert failed["attempts"][0]["code"] == 550
    assert len(failed["papers"]) == 5
    path = f"/api/deliveries/{failed['id']}"
    assert pages.client.post(f"{path}/retry", headers=ADMIN).json()["state"] == "queued"
    assert pages.client.post(f"{path}/retry", headers=ADMIN).status_code == 409
    assert len(pages.letters()) == 1
    assert pages.client.get(path, headers=ADMIN).json()["state"] == "sent"
    assert pages.client.get("/api/deliveries/999", headers=ADMIN).status_code == 404
    assert pages.client.post("/api/deliveries/999/retry", headers=ADMIN).status_code == 404


def test_a_topic_is_read_by_its_slug(pages: Pages) -> None:
    assert pages.client.get("/api/topics/robots").json() == pages.client.get("/api/topics").json()[0]
    pages.subscriber(EMAIL, queries=("bees",))
    for slug in ("nope", membership.subscriber(pages.app, EMAIL).topics[-1]):
        assert pages.client.get(f"/api/topics/{slug}").status_code == 404


def test_topics_are_added_and_changed(pages: Pages) -> None:
    made = pages.client.request("PUT", "/api/topics/part-2", json={"name": "Two", "query": '"part 2"'}, headers=ADMIN)
    assert made.status_code == 200
    assert "A careful study of robots, part 2" in pages.client.get("/topics/part-2").text
    pages.subscriber(EMAIL, queries=("bees",))
    taken = f"/api/topics/{membership.subscriber(pages.app, EMAIL).topics[-1]}"
    assert pages.client.request("PUT", taken, json={"name": "X", "query": "y"}, headers=ADMIN).status_code == 400
    assert (
        pages.client.request("PUT", "/api/topics/x", json={"name": "X", "query": "("}, headers=ADMIN).status_code
        == 400
    )
    assert (
        pages.client.request(
            "PUT", "/api/topics/No%20way", json={"name": "X", "query": "y"}, headers=ADMIN
        ).status_code
        == 400
    )


def test_a_topic_has_a_name_and_no_control_characters(pages: Pages) -> None:
    def put(**topic: str) -> httpx.Response:
        return pages.client.request("PUT", "/api/topics/two", json={"query": "robots", **topic}, headers=ADMIN)

    for name in (" ", "\0"):
        assert (put(name=name).status_code, put(name=name).json()) == (400, {"detail": "a topic needs a name"})
    made = put(name="Two\0 parts ", about="All\x1bof\nit", query="robots\0 OR\tdrones").json()
    assert made == {"slug": "two", "name": "Two parts", "about": "Allof it", "query": "robots OR drones"}
    assert pages.client.get("/api/topics/two").json() == made
    assert "\0" not in pages.client.get("/subscribe").text


def test_the_description_is_there_for_machines_and_people(pages: Pages) -> None:
    spec = pages.client.get("/api/openapi.json").json()
    assert spec["openapi"].startswith("3.")
    docs = pages.client.get("/docs").text
    for path in spec["paths"]:
        assert f"/api{path}" in docs
    assert "https://" not in re.sub(r'href="https://papers.example.org[^"]*"', "", docs)
    assert pages.client.get("/api/nothing").json() == {"detail": "Not Found"}


def test_the_api_is_what_its_description_says(pages: Pages) -> None:
    """Schemathesis makes requests from the description, good and bad; no answer may be undescribed or a 500."""
    pages.subscriber(EMAIL)
    spec = pages.client.get("/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(spec, config=SchemathesisConfig(wait_for_schema=1))
    bounded = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    for operation in schema.get_all_operations():
        case_of = operation.ok().as_strategy()

        @bounded
        @__import__("hypothesis").given(case=case_of)
        def holds(case: schemathesis.Case) -> None:
            request = case.as_transport_kwargs(base_url="https://papers.example.org/api")
            path = request.pop("url").removeprefix("https://papers.example.org")
            request.pop("cookies", None)
            sent = {"headers": {**dict(request.pop("headers")), **ADMIN}, "params": request.pop("params", None)}
            for name in ("json", "data"):
                if request.get(name) is not None:
                    sent["content" if name == "data" else name] = request[name]
            answer = pages.client.request(request.pop("method"), path, **sent)
            assert answer.status_code < 500, f"{case.method} {path}: {answer.status_code}"
            described = set(case.operation.definition.raw["responses"]) | {"422", "404", "405"}
            assert str(answer.status_code) in described, f"{case.method} {path}: {answer.status_code}"

        holds()


def test_many_simultaneous_requests_are_handled(pages: Pages) -> None:
    pages.subscriber(EMAIL)

    async def many() -> list[int]:
        transport = httpx.ASGITransport(pages.web)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://papers.example.org", headers=ADMIN
        ) as client:
            answers = await asyncio.gather(
                *(client.post(f"/api/subscribers/{EMAIL}/{what}") for what in ["pause", "resume"] * 15)
            )
            return [answer.status_code for answer in answers]

    assert set(asyncio.run(many())) == {200}


@pytest.mark.parametrize(
    ("interest", "says"),
    [
        ("", "topic"),
        ("!!!", "no letter or digit to look for"),
        ("word " * 20_000, "at most 300 characters"),
        ("the of and", "papers on any subject"),
    ],
)
def test_an_interest_that_cannot_be_one_is_refused_with_the_remedy(pages: Pages, interest: str, says: str) -> None:
    body = {"email": EMAIL, "queries": [interest], "confirmed": True}
    answer = pages.client.post("/api/subscribers", json=body, headers=ADMIN)
    assert answer.status_code == 400
    assert says in answer.text
    assert pages.client.get(f"/api/subscribers/{EMAIL}", headers=ADMIN).status_code == 404


@pytest.mark.parametrize("interest", ["用两条腿行走的机器人", "آلات تمشي على ساقين", "роботы на двух ногах"])
def test_an_interest_in_any_script_is_accepted(pages: Pages, interest: str) -> None:
    body = {"email": EMAIL, "queries": [interest], "confirmed": True}
    assert pages.client.post("/api/subscribers", json=body, headers=ADMIN).json()["interests"] == [interest]
