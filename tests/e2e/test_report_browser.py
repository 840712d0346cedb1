"""The report as a customer sees it: opened from disk in headless Chromium, at desk and phone width, light and dark."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from quantsentinel.cli.report import render_report
from tests.conftest import missing
from tests.report_day import record

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PROBE = """<script>
addEventListener("load", () => {
  const svg = document.querySelector("#path-NIFTY svg"), area = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", {clientX: area.left + area.width / 2, clientY: area.top + 40}));
  document.body.dataset.tip = document.getElementById("tip").textContent;
  document.body.dataset.overflow = String(document.documentElement.scrollWidth - window.innerWidth);
  document.getElementById("theme").click();
});
</script></body>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("Chromium", "Debian: apt-get install chromium")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render_report(record()).replace("</body>", PROBE), encoding="utf-8")
    return file


def browse(chromium: str, page: Path, profile: Path, *extra: str) -> str:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *extra, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


def test_the_page_builds_its_whole_dom_and_the_tooltip_tells_the_values(
    chromium: str, page: Path, tmp_path: Path
) -> None:
    dom = browse(chromium, page, tmp_path / "profile", "--window-size=1280,900", "--dump-dom")
    assert 'data-ready="yes"' in dom
    for section in ("market", "refused", "signals", "books", "deliveries"):
        assert f'<section id="{section}">' in dom
    assert len(re.findall(r"<svg ", dom)) >= 7
    assert "NaN" not in dom
    tip = re.search(r'data-tip="([^"]*)"', dom)
    assert tip is not None
    assert re.match(r"\d\d:\d\d:\d\d ISTForward24,\d{3}\.\d\dATM vol", tip.group(1))


def test_a_phone_needs_no_sideways_scrolling(chromium: str, page: Path, tmp_path: Path) -> None:
    dom = browse(chromium, page, tmp_path / "profile", "--window-size=500,900", "--dump-dom")
    found = re.search(r'data-overflow="(-?\d+)"', dom)
    assert found is not None
    assert int(found.group(1)) <= 0


@pytest.mark.parametrize("width", [500, 1280])
def test_a_screenshot_shows_a_drawn_page_in_the_theme_that_was_clicked(
    width: int, chromium: str, page: Path, tmp_path: Path
) -> None:
    shot = tmp_path / "report.png"
    browse(chromium, page, tmp_path / "profile", f"--window-size={width},2400", f"--screenshot={shot}")
    data = shot.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (width, 2400)
    assert len(data) > 60_000, "an almost empty picture compresses to less"
