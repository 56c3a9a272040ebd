"""doctor finds what would stop the next round."""

from __future__ import annotations

import socket
from pathlib import Path

from paperround.operator import doctor
from support.site import Site
from support.smtp_server import SmtpServer, always


def findings(site: Site) -> dict[str, doctor.Finding]:
    found = {finding.check: finding for finding in doctor.examine(site.app)}
    site.app.close()
    return found


def smtp(folder: Path, port: int) -> Site:
    return Site(folder, transport={"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"})


def test_a_relay_that_answers_is_told_and_gets_no_letter(tmp_path: Path) -> None:
    with SmtpServer() as server:
        found = findings(smtp(tmp_path, server.port))
        assert found[f"relay 127.0.0.1:{server.port}"].verdict is doctor.Verdict.OK
        assert not server.received


def test_a_relay_that_is_away_or_refuses_us_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert findings(smtp(tmp_path, port))[f"relay 127.0.0.1:{port}"].verdict is doctor.Verdict.ERROR
    with SmtpServer(always("connect", "554 5.7.1 not from you")) as server:
        found = findings(smtp(tmp_path, server.port))[f"relay 127.0.0.1:{server.port}"]
    assert found.verdict is doctor.Verdict.ERROR
    assert "not from you" in found.what


def test_a_site_that_subscribers_cannot_reach_is_an_error_before_it_goes_live(tmp_path: Path) -> None:
    with SmtpServer() as server:
        transport = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
        site = Site(
            tmp_path, transport=transport, site={"base_url": "http://localhost:8000", "sender": "a@b.example"}
        )
        told = [finding.what for finding in doctor.examine(site.app) if finding.verdict is doctor.Verdict.ERROR]
        site.app.close()
    assert any("base_url" in what for what in told)
    assert any("sender" in what for what in told)
