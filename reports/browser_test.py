#!/usr/bin/python3
"""Looks at the page in a headless Chromium, at up to three widths, light and dark.

    reports/browser_test.py [FOLDER]     FOLDER: where the pictures go (default: build/screenshots)

Nothing may be empty, clipped, wider than the window or complained about in the console. What the test cannot
judge is whether it is beautiful: look at the pictures.
"""
import base64
import glob
import tempfile
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
testing.needs("browser", "jsonschema", "numpy", "matplotlib", "jinja2", "selenium",
              programs=(CHROMIUM, DRIVER))
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

from reports import planted, planted_nights  # noqa: E402

FOLDER = os.path.join(testing.ROOT, "build", "screenshots")
WIDTHS = (390, 768, 1280)
SCHEMES = ("light", "dark")
HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = os.path.join(HERE, "history.jsonl.gz")
CRASHSIM = sorted(glob.glob(os.path.join(HERE, "testdata", "m*_*.jsonl")))

# Found in the page by script, as lists of texts; all have to be empty.
LOOK = """
const wrong = {wide: [], clipped: [], empty: [], overlapping: []};
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width)
  wrong.wide.push('page ' + document.documentElement.scrollWidth);
const scrolls = e => { const s = e.closest('.scroll'); return s && s.scrollWidth > s.clientWidth; };
const name = e => e.tagName + ' ' + (e.textContent || '').trim().slice(0, 60);
for (const e of document.querySelectorAll('main *:not(svg *)')) {
  const box = e.getBoundingClientRect();
  if (!box.width || scrolls(e)) continue;
  if (box.right > width + 1 || box.left < -1) wrong.wide.push(name(e));
  const style = getComputedStyle(e);
  if (e.scrollWidth > e.clientWidth + 1 && style.overflowX != 'visible' && !e.matches('.scroll'))
    wrong.clipped.push(name(e));
}
for (const e of document.querySelectorAll('.ratios'))  // the first table that one reads: never cut off
  if (e.scrollWidth > e.clientWidth) wrong.clipped.push('table ' + e.scrollWidth);
for (const figure of document.querySelectorAll('figure')) {
  const title = figure.querySelector('figcaption b').textContent;
  const svg = figure.querySelector(':scope > svg');
  if (!svg) { if (!figure.querySelector('table')) wrong.empty.push(title); continue; }
  const frame = svg.getBoundingClientRect();
  if (frame.width < 200 || frame.height < 30) wrong.empty.push(title + ' has no size');
  const drawn = [...svg.querySelectorAll('path[style*="var(--"], use[style*="var(--"]')].filter(
    e => /var\\(--(manifolddb|rocksdb|lmdb|leveldb|sqlite|wiredtiger|disk)\\)/.test(e.getAttribute('style')));
  if (!drawn.some(e => { const b = e.getBoundingClientRect(); return b.width + b.height > 0; }))
    wrong.empty.push(title);
  const texts = [...svg.querySelectorAll('text')].map(e => [e, e.getBoundingClientRect()]);
  if (!texts.length) wrong.empty.push(title + ' has no text');
  for (const [e, b] of texts) {
    if (b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1
        || b.bottom > frame.bottom + 1)
      wrong.clipped.push(title + ': ' + e.textContent);
    if (b.height < 8.5) wrong.clipped.push(title + ': too small to read: ' + e.textContent);
    for (const [other, o] of texts)
      if (other !== e && e.compareDocumentPosition(other) & 4 && b.left < o.right - 1 && o.left < b.right - 1
          && b.top < o.bottom - 3 && o.top < b.bottom - 3)
        wrong.overlapping.push(title + ': ' + e.textContent + ' | ' + other.textContent);
  }
}
for (const h of document.querySelectorAll('h2'))
  if (!h.nextElementSibling || h.nextElementSibling.tagName == 'H2') wrong.empty.push(h.textContent);
return wrong;
"""
# Contrast of text with what is behind it, per WCAG; 4.5 is what normal text wants.
CONTRAST = """
const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => { x /= 255;
  return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
  return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (!/, 0\\)|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
const poor = new Set();
for (const e of document.querySelectorAll('main *')) {
  if (![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())) continue;
  const style = getComputedStyle(e), svg = e.namespaceURI.endsWith('svg');
  const a = light(svg ? style.fill : style.color), b = light(behind(svg ? e.closest('figure') : e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.add(e.tagName + ' ' + e.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
}
return [...poor];
"""


def histories():
    """Name -> lines: a full page, one of nights as they are, a long one, and those with little in them."""
    changed = [("W3/threads:1/families:own", 50, 0.9), ("W5/bytes:100/threads:2/gets:1000", 30, 1.2),
               ("W8", 55, 0.8), ("W8", 20, 1.15)]
    full = planted.history(70, changed) + planted.exact(70, [(60, "writes", 2), (69, "instructions", -400)])
    few = {name: planted.BENCHMARKS[name] for name in ("W1", "W3/threads:1/families:own")}
    many = [("W1", 150 + 90 * i, 0.9 if i % 2 else 1.15) for i in range(9)]
    return {"full": full + planted.campaign(70), "nights": planted_nights.history(3, 2, rounds=1),
            "long": planted.history(1000, many, benchmarks=few),
            "single": planted.history(1, rounds=3), "empty": []}


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--hide-scrollbars", "--force-color-profile=srgb"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        cls.driver.execute_cdp_cmd("Network.enable", {})
        cls.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0})
        os.makedirs(FOLDER, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()

    def show(self, page, width, scheme):
        command = self.driver.execute_cdp_cmd
        command("Emulation.setEmulatedMedia",
                {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        command("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1,
                                                       "mobile": width < 500})
        self.driver.get("file://" + page)
        self.driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    def picture(self, name, width):
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "format": "png", "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": width, "height": min(height, 16000), "scale": 1}})
        with open(os.path.join(FOLDER, name + ".png"), "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def look(self, name, page):
        backgrounds = set()
        # Of pages that differ in what they draw alone, the widest and the narrowest say enough.
        every = name in ("kept", "full")
        looks = [(w, s) for w in WIDTHS for s in SCHEMES] if every else [(390, "light"), (1280, "dark")]
        for width, scheme in looks:
            with self.subTest(page=name, width=width, scheme=scheme):
                self.show(page, width, scheme)
                self.picture(f"{name}-{width}-{scheme}", width)
                wrong = self.driver.execute_script(LOOK)
                self.assertEqual({what: found for what, found in wrong.items() if found}, {})
                self.assertEqual(self.driver.execute_script(CONTRAST)[:8], [])
                self.assertEqual(self.driver.get_log("browser"), [])
                backgrounds.add((scheme, self.driver.execute_script(
                    "return getComputedStyle(document.body).backgroundColor")))
        self.assertEqual(len(backgrounds), 2, "light and dark are to differ")

    def test_the_look_finds_what_is_wrong(self):
        """A canary: a look that finds nothing on this page would prove nothing on the others."""
        figure = ("<figure><figcaption><b>F</b></figcaption>"
                  "<svg viewBox='0 0 300 100' width='300' height='100'>%s</svg></figure>")
        text = "<text x='%d' y='50' style='font: 10px sans-serif'>overhanging</text>"
        page = ("<main><h2>Nothing below</h2><h2>Something</h2><p style='color:#bbb;background:#fff'>pale</p>"
                "<div style='width:900px'>wide</div>"
                "<div style='width:50px;overflow:hidden;white-space:nowrap'>"
                "a text that is longer than that</div>"
                + figure % (text % 280) + figure % (text % 20 + text % 30) + "</main>")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "canary.html")
            with open(path, "w", encoding="utf-8") as file:
                file.write("<!doctype html><link rel=icon href='data:,'>"
                           "<script>console.error('canary')</script>" + page)
            self.show(path, 768, "light")
            wrong = self.driver.execute_script(LOOK)
            self.assertTrue(all(wrong.values()), wrong)
            self.assertIn("Nothing below", wrong["empty"])
            self.assertEqual(len(wrong["empty"]), 3, wrong["empty"])
            self.assertIn("F: overhanging", wrong["clipped"])
            self.assertIn("DIV a text that is longer than that", wrong["clipped"])
            self.assertTrue(any("pale" in poor for poor in self.driver.execute_script(CONTRAST)))
            self.assertTrue(any("canary" in entry["message"] for entry in self.driver.get_log("browser")))

    def test_every_page(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, lines in {"kept": None, **histories()}.items():
                page = os.path.join(folder, name + ".html")
                more = ["--campaign", *CRASHSIM] if name == "full" else []
                history = KEPT
                if lines is not None:
                    history = planted.write(os.path.join(folder, name + ".jsonl"), lines)
                code, _, errors = testing.report("--history", history, "--out", page, *more)
                self.assertEqual(code, 0, errors)
                self.look(name, page)
        print(f"pictures in {os.path.relpath(FOLDER)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        FOLDER = sys.argv.pop(1)
    unittest.main()
