"""Open what ``asv publish`` wrote in headless Chromium: its pages must show benchmarks, and report no error.

    python benchmarks/check_dashboard.py [--html benchmarks/html] [--pictures FOLDER]

Needs nothing but Chromium (``apt-get install chromium``; $CHROMIUM names another one). The exit status is 1, and the
reason is printed, if a page shows no benchmark, draws no graph, or writes an error to the browser's console.
"""

from __future__ import annotations

import argparse
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ERRORS = re.compile(r":CONSOLE[:(].*(Uncaught|SyntaxError|TypeError|ReferenceError|Failed to load)")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


def find_browser() -> str:
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise SystemExit("check_dashboard: no Chromium was found; apt-get install chromium, or name one in $CHROMIUM")


def browse(browser: str, url: str, profile: str, *more: str) -> tuple[str, str]:
    """What a page has become after 20 seconds of its own time, and what it wrote to the console."""
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    switches += [f"--user-data-dir={profile}", "--window-size=1400,1000", "--virtual-time-budget=20000", *more]
    done = subprocess.run([browser, *switches, url], capture_output=True, text=True, timeout=180, check=False)
    return html.unescape(done.stdout), done.stderr


def check(folder: Path, pictures: Path | None) -> list[str]:
    """What is wrong with the dashboard, a line each."""
    benchmarks = json.loads((folder / "index.json").read_text())["benchmarks"]
    some = next((name for name in sorted(benchmarks) if ".time_" in name), None)
    if some is None:
        return [f"{folder}/index.json lists no timed benchmark"]
    one = some.rpartition(".")[2]
    pages = {  # name -> (address, what must be there)
        "grid": ("", [rf">[^<]*{re.escape(one)}[^<]*<", "benchmark-plot|flot-base"]),
        "list": ("#summarylist", [re.escape(name) for name in sorted(benchmarks)][:200]),
        "graph": (f"#{some}", [re.escape(some), "flot-base|flot-overlay"]),
        "regressions": ("#regressions", ["Regressions|regressions"]),
    }
    wrong = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = find_browser()
    with tempfile.TemporaryDirectory() as profile:
        for name, (address, expected) in pages.items():
            url = f"http://127.0.0.1:{server.server_port}/{address}"
            page, console = browse(browser, url, profile, "--dump-dom")
            wrong += [f"{name}: no {pattern!r} on {url}" for pattern in expected if not re.search(pattern, page)]
            wrong += [f"{name}: {line}" for line in console.splitlines() if ERRORS.search(line)]
            if pictures is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                browse(browser, url, profile, f"--screenshot={(pictures / name).resolve()}.png")
    server.shutdown()
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--html", type=Path, default=Path(__file__).parent / "html", help="what asv publish wrote")
    parser.add_argument("--pictures", type=Path, help="where to put a screenshot of each page")
    args = parser.parse_args()
    wrong = check(args.html, args.pictures)
    print("\n".join(wrong) or f"{args.html}: grid, list, graph and regressions show their benchmarks, without errors")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
