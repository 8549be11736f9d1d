"""Tests the page of reports in headless Chromium: filters, a planted failure, a comparison, the keyboard, 400 px, dark
mode, hostile text, and the time that a large page takes. A page with a planted wrong cell must fail.

Usage: page_test.py PROGRAM DIRECTORY   (screenshots are written to the directory)
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import Select

OWNED = "document.title='owned'"
HOSTILE = f"</script><script>{OWNED}</script><img src=x onerror=\"{OWNED}\">\"'&{{{{DATA}}}}\u202e"
LANES = ["ours/fast", "ours/slow", "other@9", "other@10", "other@11", *(f"more@{number}" for number in range(7))]
ENGINES = {lane: lane.split("@")[0].split("/")[0] for lane in LANES}
COUNTS = ("passed", "failed", "unsupported", "expected", "follows", "skipped")


def failure(line, message, **more):
    return {"line": line, "column": 1, "directive": "assert_return", "message": message, "key": f"k{line}", **more}


def result(path, lane, failures=(), unsupported=0):
    """One script in one lane of a report, with 50 directives."""
    counts = dict.fromkeys(COUNTS, 0) | {"failed": len(failures), "unsupported": unsupported}
    counts["passed"] = 50 - counts["failed"] - unsupported
    lacking = [failure(line, "no threads") for line in range(1, unsupported + 1)]
    return {"path": path, "lane": lane, "status": "fail" if failures else "pass", "milliseconds": 7, "directives": 50,
            "failures": list(failures), "lacking": lacking, **counts}


def report(scripts, disagreements=()):
    sums = {name: sum(script[name] for script in scripts) for name in ("directives", *COUNTS)}
    sums |= {"scripts": len({script["path"] for script in scripts}), "crashed": 0, "timed_out": 0}
    matrix = [{"lane": lane, **dict.fromkeys(sums, 0), "milliseconds": 7000} for lane in LANES]
    version = {lane: lane.split("@")[1] + ".0.1" if "@" in lane else "1.0" for lane in LANES}
    return {"schema": 2, "lanes": LANES, "matrix": matrix, "scripts": scripts, "disagreements": list(disagreements),
            "engines": {lane: {"engine": ENGINES[lane], "version": version[lane], "path": ""} for lane in LANES},
            "backends": ENGINES, "totals": {**sums, "disagreements": len(disagreements)}}


def large_report():
    """580 scripts in 12 lanes. The older a version of `other`, the more it fails; one script has a hostile name."""
    paths = [f"spec:{1 + number % 3}.0/script-{number}.wast" for number in range(579)] + [f"tests/{HOSTILE}.wast"]
    scripts = []
    for number, path in enumerate(paths):
        for lane in LANES:
            age = {"other@9": 3, "other@10": 2, "other@11": 1}.get(lane, 0)
            wrong = failure(9, f"expected [i32 {number}], got [i32 7]", source="(assert_return ...)")
            wrong = [wrong] if number % 20 < age else []
            if path.startswith("tests/"):
                wrong = [failure(1, HOSTILE, source=HOSTILE, frames=[HOSTILE])]
            scripts.append(result(path, lane, wrong, 3 if lane == "more@0" and number % 9 == 4 else 0))
    sides = {lane: "outcome: [i32 1]" if lane.startswith("o") else "outcome: [i32 2]" for lane in LANES}
    pairs = [[one, other] for one in LANES[:5] for other in LANES[5:]]
    one = {"path": paths[11], "line": 5, "directive": "invoke", "lanes": sides, "pairs": pairs, "source": "(invoke)"}
    return report(scripts, [one])


class Page:
    """The page in a browser."""

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder

    def open(self, file, hash=""):
        self.driver.get("about:blank")
        start = time.monotonic()
        self.driver.get("file://" + quote(str(file.resolve())) + hash)
        self.seconds = time.monotonic() - start
        resources = self.run("return performance.getEntriesByType('resource').map(one => one.name)")
        assert resources == [], f"the page loads {resources}"
        errors = self.driver.get_log("browser")
        assert errors == [], f"the browser complains: {errors}"
        assert self.driver.title.startswith("Touchstone"), self.driver.title

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def choose(self, filter, value):
        Select(self.one("#" + filter)).select_by_value(value)

    def cells(self):
        """The verdict and the count of each cell, by script and lane."""
        lines = self.run("""return [...document.querySelectorAll('#grid tbody td')].map((cell) =>
            [cell.script.path, cell.querySelector('span').dataset.lane, cell.dataset.verdict, cell.innerText])""")
        return {(path, lane): (verdict, text) for path, lane, verdict, text in lines}

    def media(self, width=1280, height=900, scheme="light"):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def shot(self, name):
        self.driver.save_screenshot(str(self.folder / f"{name}.png"))

    def press(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()


def check_cells(page, data):
    """Every cell says what the report says."""
    page.choose("verdict", "")
    cells = page.cells()
    # The other side has two votes.
    differing = {(one["path"], lane) for one in data["disagreements"] for lane in one["lanes"] if lane[0] == "m"}
    assert len(cells) == len(data["scripts"]), f"{len(cells)} cells for {len(data['scripts'])} results"
    for script in data["scripts"]:
        place = (script["path"], script["lane"])
        verdict = script["status"]
        if verdict == "pass":
            verdict = "disagreement" if place in differing else "unsupported" if script["unsupported"] else "pass"
        shown, text = cells[place]
        assert shown == verdict, f"the cell {place} says {shown}, the report {verdict}"
        count = script["failed"] if verdict == "fail" else script["unsupported"] if verdict == "unsupported" else 0
        assert text.split()[1:] == ([str(count)] if count else []), f"the cell {place} shows {text!r}, not {count}"


def check_filters(page):
    page.choose("suite", "spec:2.0")
    assert {path.split("/")[0] for path, _ in page.cells()} == {"spec:2.0"}
    page.choose("engine", "other")
    page.choose("version", "9.0.1")
    page.choose("verdict", "fail")
    cells = page.cells()
    assert cells and {lane for _, lane in cells} == {"other@9"} and {cell[0] for cell in cells.values()} == {"fail"}
    assert "1 of 12 lanes" in page.one("#count").text
    assert "engine=other" in page.driver.current_url, "a link to this view shows the same"
    page.one("#path").send_keys("script-1.wast")
    assert {path for path, _ in page.cells()} == {"spec:2.0/script-1.wast"}
    page.one("#filters button").click()
    time.sleep(0.2)
    assert "580 of 580 scripts, 12 of 12 lanes" in page.one("#count").text


def check_chart(page):
    panels = {one.text.split("\n")[0]: one for one in page.all("figure")}
    assert {"other", "more", "ours"} <= set(panels), panels.keys()
    words = panels["other"].find_element(By.CSS_SELECTOR, "svg").get_attribute("aria-label")
    assert [part.split()[1] for part in words.split("; ")] == ["9.0.1:", "10.0.1:", "11.0.1:"], words
    heights = [float(one.get_attribute("cy")) for one in panels["other"].find_elements(By.CSS_SELECTOR, "circle[cy]")]
    assert heights[0] > heights[1] > heights[2], f"newer versions pass more: {heights}"


def check_failure(page):
    """A real failure: its line, what was expected and seen, and the frames of the trap."""
    page.one('#grid td[data-verdict="fail"]').click()
    text = page.one("#cell").text
    for part in ("wrong.wast:12", '(assert_return (invoke "total"', "expected\n[i32 42]", "seen\n[i32 48]",
                 "the same in other", "integer overflow", "shop!1 $share @0x"):
        assert part in text, f"{part!r} is not in the dialog:\n{text}"
    page.press(Keys.ESCAPE)
    assert not page.all("dialog[open]")


def check_disagreement(page):
    page.one("#path").send_keys("script-11.wast")
    page.one("#grid td").click()
    text = page.one("#cell").text
    for part in ("Disagreement", "2 votes\noutcome: [i32 1]", "1 vote\noutcome: [i32 2]", "more@0, more@1"):
        assert part in text, f"{part!r} is not in the dialog:\n{text}"
    page.press(Keys.ESCAPE)
    page.one("#filters button").click()


def check_keyboard(page):
    """Tab reaches the grid, arrows move in it, Enter opens a cell, Escape returns to it. The focus can be seen."""
    page.run("document.activeElement.blur()")
    focused = lambda: page.run("return document.activeElement.tagName")
    for _ in range(20):
        page.press(Keys.TAB)
        outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"the focus on {focused()} cannot be seen"
        if focused() == "TD":
            break
    assert focused() == "TD", "Tab does not reach the grid"
    place = lambda: page.run("const cell = document.activeElement; return [cell.parentNode.rowIndex, cell.cellIndex]")
    assert place() == [1, 1]
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert place() == [3, 2], place()
    page.press(Keys.END, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert place() == [2, 12], place()
    label = page.run("return document.activeElement.getAttribute('aria-label')")
    assert label.startswith("spec:") and "more@6: " in label, label
    page.press(Keys.ENTER)
    assert page.run("return document.activeElement.closest('dialog') !== null"), "the dialog takes the focus"
    page.press(Keys.ESCAPE)
    assert place() == [2, 12], "the focus returns to the cell"


def check_hostile(page):
    page.one("#path").send_keys("tests/")
    page.one("#grid td").click()
    text = page.one("#cell").text
    assert text.count("<script>document.title='owned'</script>") >= 4 and "\\u{202e}" in text, text
    assert page.driver.title == "Touchstone: failed", page.driver.title
    assert page.all("img") == [], "text became markup"
    page.press(Keys.ESCAPE)


def check_narrow_and_dark(page, shot):
    colors = set()
    for scheme in ("light", "dark"):
        for width in (400, 1280):
            page.media(width, 2400, scheme)
            wide = page.run("return document.documentElement.scrollWidth")
            assert wide <= width, f"the page is {wide} px wide on a screen of {width}"
            page.shot(f"{shot}-{scheme}-{width}")
        colors.add(page.run("return getComputedStyle(document.body).backgroundColor"))
    page.media()
    assert len(colors) == 2, f"dark mode has the colors of light mode: {colors}"


def plant(file, planted):
    """Writes a page in which one cell says `pass` though its script failed."""
    text = file.read_text()
    start = text.index('"results":[') + len('"results":[')
    results, _ = json.JSONDecoder().raw_decode(text[start - 1:])
    wrong = json.dumps(next(one for one in results if one[0] == "fail"), separators=(",", ":"))
    planted.write_text(text.replace(wrong, wrong.replace('"fail"', '"pass"'), 1))


def check_changes(page):
    text = page.one("#changes").text
    for part in ("1 worse", "1 better", "spec:2.0/script-1.wast:30", "expected [i32 5], got [i32 6]"):
        assert part in text, f"{part!r} is not among the changes:\n{text}"
    page.one("#changes li button").click()
    assert "seen\n[i32 6]" in page.one("#cell").text
    page.press(Keys.ESCAPE)


def changed(data):
    """The same report later: one failure more, and one less."""
    data = json.loads(json.dumps(data))
    find = lambda path, lane: next(one for one in data["scripts"] if (one["path"], one["lane"]) == (path, lane))
    place = data["scripts"].index(find("spec:2.0/script-1.wast", "ours/fast"))
    wrong = [failure(30, "expected [i32 5], got [i32 6]")]
    data["scripts"][place] = result("spec:2.0/script-1.wast", "ours/fast", wrong)
    place = data["scripts"].index(find("spec:1.0/script-0.wast", "other@9"))
    data["scripts"][place] = result("spec:1.0/script-0.wast", "other@9")
    return data


def main():
    program, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    make = lambda name, *arguments: subprocess.run(
        [program, "report", "-o", folder / name, *arguments], check=True, stdout=subprocess.DEVNULL)
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("google-chrome") or shutil.which("chromium")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        page = Page(driver, folder)
        page.media()
        real = folder / "real.json"
        run = [program, "docs/examples/wrong.wast", "--lanes", "interp", "--lane", f"other={program} adapter interp"]
        subprocess.run([*run, "--report", f"json={real}"], stdout=subprocess.DEVNULL)
        make("real", real)
        page.open(folder / "real/index.html")
        check_failure(page)
        data = large_report()
        old, new = folder / "old.json", folder / "new.json"
        old.write_text(json.dumps(data))
        make("large", old)
        large = folder / "large/index.html"
        page.open(large)
        print(f"580 scripts in 12 lanes: {large.stat().st_size // 1000} kB, loaded in {page.seconds:.2f} s")
        assert page.seconds < 10, "the page is slow"
        check_narrow_and_dark(page, "large")
        check_cells(page, data)
        for check in (check_filters, check_chart, check_disagreement, check_keyboard, check_hostile):
            page.open(large)
            page.choose("verdict", "")
            check(page)
        new.write_text(json.dumps(changed(data)))
        make("changed", new, "--against", old)
        page.open(folder / "changed/index.html")
        check_changes(page)
        check_narrow_and_dark(page, "changed")
        # The canary: a wrong cell is noticed.
        plant(large, folder / "planted.html")
        page.open(folder / "planted.html")
        try:
            check_cells(page, data)
        except AssertionError as error:
            assert "says pass, the report fail" in str(error), error
            print(f"the canary was caught: {error}")
        else:
            sys.exit("a page with a planted wrong cell passed")
    finally:
        driver.quit()


main()
