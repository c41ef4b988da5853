"""The README's two pictures of the report of the embedded sample crawl, and pages of reports as pictures to look at.

    python docs/pictures.py demo/corpus/report.html docs/images
    python docs/pictures.py --all FOLDER PAGE.html ...

Needs playwright and Pillow (`pip install playwright pillow`) and a Chromium (`--chromium`; Debian: apt-get install chromium fonts-noto-core).
"""

import argparse
from pathlib import Path
from typing import Any

WIDTHS, SCHEMES = (1300, 420), ("light", "dark")


def readme(browser: Any, report: Path, folder: Path) -> None:
    """Head and funnel; the first samples, kept and dropped."""
    page = browser.new_page(viewport={"width": 1100, "height": 800}, color_scheme="light")
    page.goto(report.resolve().as_uri())
    below = page.locator("#funnel").bounding_box()
    shown = {"x": 0, "y": 0, "width": 1100, "height": below["y"] + below["height"] + 14}
    page.screenshot(path=folder / "funnel.png", clip=shown, full_page=True)
    samples = page.locator("#samples .samples").bounding_box()
    shown = {"x": 0, "y": samples["y"] - 6, "width": 1100, "height": 512}
    page.screenshot(path=folder / "samples.png", clip=shown, full_page=True)
    for name in ("funnel.png", "samples.png"):
        _small(folder / name)


def _small(path: Path) -> None:
    """A third of the bytes: these pages have few colours."""
    from PIL import Image  # type: ignore[import-not-found]

    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def every(browser: Any, pages: list[Path], folder: Path) -> None:
    """Each page whole, at each width, light and dark; says which is wider than its window."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for path in pages:
                page.goto(path.resolve().as_uri())
                over = page.evaluate("document.documentElement.scrollWidth") - width
                page.screenshot(path=folder / f"{path.stem}-{width}-{scheme}.png", full_page=True)
                print(f"{path.stem} {width} {scheme}" + (f": {over} px too wide" if over > 0 else ""))


def main() -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", metavar="FOLDER", type=Path, help="every page given, whole")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("paths", nargs="+", type=Path)
    args = parser.parse_args()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        if args.all:
            args.all.mkdir(parents=True, exist_ok=True)
            every(browser, args.paths, args.all)
        else:
            readme(browser, *args.paths)


if __name__ == "__main__":
    main()
