"""Open what ``asv publish`` wrote in headless Chromium: its pages must show benchmarks, and report no error.

    python benchmarks/check_dashboard.py [--html FOLDER] [--pictures FOLDER] [--scripts FOLDER]

It serves the folder, lets Chromium (``apt-get install chromium``; $CHROMIUM names another) run the pages' scripts, and
reads what they have become. The exit status is 1, and each reason is printed, if a page lacks its benchmarks or graphs
or writes an error to the console.

The pages load jQuery, flot and others from public networks. Where these cannot be reached, ``--scripts`` names a folder
that has them: ``npm install --prefix FOLDER jquery@3.3.1 flot@0.8.3 flot-orderbars@1 stupid-table-plugin@1
blueimp-md5@2.19.0 bootstrap@3.1.1``.
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

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ERRORS = re.compile(r":CONSOLE.*(Uncaught|Error|Failed)")
ELSEWHERE = re.compile(r'(src|href)="https://[^"]*/([^"/]+\.(?:js|css))" integrity="[^"]*" crossorigin="anonymous"')


class Pages(http.server.SimpleHTTPRequestHandler):
    """The published folder; with ``scripts``, those in place of what the first page loads from elsewhere."""

    def __init__(self, *args: object, scripts: Path | None, **options: object) -> None:
        self.scripts = scripts
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        if self.scripts is None or not (name == "index.html" or name.startswith("scripts/")):
            super().do_GET()
            return
        if name == "index.html":
            text = Path(self.directory, name).read_text()
            body = ELSEWHERE.sub(r'\1="scripts/\2"', text).encode()
        else:
            body = find_script(self.scripts, name.removeprefix("scripts/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(name))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """Serves one browser, on any free port."""

    def handle_error(self, *request: object) -> None:
        """The browser has left in the middle of a file."""


def find_script(folder: Path, name: str) -> Path:
    """``jquery-3.3.1.min.js`` as packages name it: without the version, perhaps not shortened."""
    short = re.sub(r"-[\d.]+\d", "", name)
    for candidate in (short, short.replace(".min.", ".")):
        found = sorted(folder.rglob(candidate))
        if found:
            return found[0]
    raise SystemExit(f"check_dashboard: there is no {short} in {folder}")


def find_browser() -> str:
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise SystemExit("check_dashboard: no Chromium was found; apt-get install chromium, or name one in $CHROMIUM")


def browse(url: str, output: str) -> tuple[str, str]:
    """What a page has become after 20 seconds of its own time, and what it wrote to the console."""
    with tempfile.TemporaryDirectory() as profile:
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
        switches += [f"--user-data-dir={profile}", "--window-size=1400,1000", "--virtual-time-budget=20000", output]
        done = subprocess.run([find_browser(), *switches, url], capture_output=True, text=True, timeout=300)
    return html.unescape(done.stdout), done.stderr


def expectations(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """For each page its address, and patterns that must be found in it."""
    names = sorted(json.loads((folder / "index.json").read_text())["benchmarks"])
    measured = [name for name in names if (folder / "graphs" / "summary" / f"{name}.json").exists()]
    if not measured:
        raise SystemExit(f"check_dashboard: {folder} has no results; asv run, then asv publish")
    plot = r'<canvas[^>]*class="flot-(base|overlay)"'
    return {
        "grid": ("", [plot, *(rf"\b{re.escape(name.rpartition('.')[2])}\b" for name in names)]),
        "list": ("#summarylist", [re.escape(name) for name in measured]),
        "graph": (f"#{measured[0]}", [plot, re.escape(measured[0])]),
    }


def check(folder: Path, scripts: Path | None, pictures: Path | None) -> list[str]:
    """What is wrong with the dashboard, a line each."""
    wrong = []
    handler = functools.partial(Pages, directory=str(folder), scripts=scripts)
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, (address, patterns) in expectations(folder).items():
        url = f"http://127.0.0.1:{server.server_port}/{address}"
        page, console = browse(url, "--dump-dom")
        if "dependencies of airspeed velocity failed to load" in page:
            wrong.append(f"{name}: its scripts could not be loaded from public networks; see --scripts")
        else:
            wrong += [f"{name}: nothing matches {pattern}" for pattern in patterns if not re.search(pattern, page)]
        wrong += [f"{name}: {line}" for line in console.splitlines() if ERRORS.search(line)]
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            browse(url, f"--screenshot={(pictures / name).resolve()}.png")
    server.shutdown()
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--html", type=Path, default=Path(__file__).parent / "html", help="what asv publish wrote")
    parser.add_argument("--pictures", type=Path, help="where to put a screenshot of each page")
    parser.add_argument("--scripts", type=Path, help="a folder with the scripts that pages load from public networks")
    args = parser.parse_args()
    wrong = check(args.html, args.scripts, args.pictures)
    print("\n".join(wrong) or f"{args.html}: grid, list and graph show their benchmarks, without errors")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
