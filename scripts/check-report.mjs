// Whether reports can be read by keys and screen readers: runs axe on pages in headless Chromium, 1400 and 700 pixels wide.
//
//   npm install --no-save puppeteer-core axe-core && CHROME=/usr/bin/chromium node scripts/check-report.mjs demo/report/report.html
//
// Says what it finds, and fails where something is serious, a page is wider than the window, or a script breaks.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// From where it is run: the packages need not lie in this repository.
const installed = createRequire(resolve("package.json"));
const puppeteer = (await import(pathToFileURL(installed.resolve("puppeteer-core")))).default;
const axe = readFileSync(installed.resolve("axe-core/axe.min.js"), "utf8");

const browser = await puppeteer.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let serious = 0;
for (const path of process.argv.slice(2)) {
  for (const width of [1400, 700]) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => {
      serious += 1;
      console.log(`${path}: a script breaks: ${error.message}`);
    });
    await page.setViewport({ width, height: 900 });
    await page.goto(pathToFileURL(resolve(path)), { waitUntil: "networkidle0" });
    await page.evaluate(axe);
    const found = await page.evaluate(async () => ({
      violations: (await window.axe.run(document)).violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, html: nodes[0].html })),
      beyond: document.documentElement.scrollWidth - window.innerWidth,
    }));
    for (const { id, impact, help, html } of found.violations) console.log(`${path} at ${width}: ${impact}: ${id}: ${help}: ${html.slice(0, 120)}`);
    if (found.beyond > 0) console.log(`${path} at ${width}: ${found.beyond} pixels wider than the window`);
    serious += found.violations.filter((one) => ["serious", "critical"].includes(one.impact)).length + (found.beyond > 0);
    await page.close();
  }
}
await browser.close();
console.log(`${serious} serious`);
process.exit(serious ? 1 : 0);
