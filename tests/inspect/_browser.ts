/** A program that opens the page of a pool in a browser, and prints what the browser shows as one line of JSON. */

import { MemPool, type MemPoolStats } from "mempool";
import { servePage } from "mempool/inspect";
import process from "node:process";
import { type Browser, chromium, type Page } from "playwright-core";
import { serialize } from "../../src/inspect/serialize.ts";
import { expressible, HOSTILE_TEXTS } from "./_hostile_texts.ts";

/** The observations by name. */
export type Findings = Readonly<Record<string, unknown>>;

const [executablePath = ""] = process.argv.slice(2);
/** Makes the name of another site resolve to this machine, as an attacker's DNS server can. */
const rebinding = "--host-resolver-rules=MAP elsewhere.example 127.0.0.1";
const browser = await chromium.launch({ executablePath, args: [rebinding] });
try {
  const findings = {
    ...await lifeOfAPool(browser),
    ...await otherViews(browser),
    misread: await misreadTexts(browser),
  };
  console.log(JSON.stringify(findings));
} finally {
  await browser.close();
}

async function lifeOfAPool(browser: Browser): Promise<Findings> {
  const pool = MemPool.init(64 * 64, 64, { cachedBlocks: 0 });
  const server = await servePage(pool, { interval: 20 });
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));

  await page.goto(server.url);
  await status(page, "Live");
  const loaded = { squares: await squares(page, "free"), allocated: await squares(page, "allocated") };

  const blocks = pool.allocMany(10, 64)!;
  await shown(page, "allocatedBlocks", 10);
  const filled = await squares(page, "allocated");
  const wrong = differences(pool.stats(), await numbers(page));

  pool.freeMany(blocks.slice(4));
  await shown(page, "allocatedBlocks", 4);
  const emptied = await squares(page, "allocated");

  pool.destroy();
  await status(page, "The pool was destroyed; this is how it looked last");
  const destroyed = [await squares(page, "allocated"), (await numbers(page))["allocatedBlocks"]];
  await page.reload();
  await status(page, "The pool was destroyed; this is how it looked last");
  const reloaded = [await squares(page, "allocated"), (await numbers(page))["allocatedBlocks"]];
  const before = [...problems];
  server.close();
  await status(page, "No connection: the program has ended, or is too busy to answer");
  return { loaded, filled, wrong, emptied, destroyed, reloaded, problems: before };
}

async function otherViews(browser: Browser): Promise<Findings> {
  using pool = MemPool.init(64 * 64, 64);
  using server = await servePage(pool);
  const { port } = new URL(server.url);
  const page = await browser.newPage();
  const grounds: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(server.url);
    await status(page, "Live");
    grounds.push(await styleOf(page, "body", "background-color"), await styleOf(page, "#map svg", "background-color"));
  }
  const written = await page.locator("#size").textContent();
  const described = await page.getByRole("img", { name: "Pool of 4 KiB: 64 blocks of 64 bytes" }).count();
  await page.goto(`${server.url}map.svg`);
  const picture = [
    await page.locator("svg").count(),
    await page.locator("parsererror").count(),
    await styleOf(page, ".free", "fill"),
  ];
  const foreign = await page.goto(`http://elsewhere.example:${port}/`);
  return { grounds, written, described, picture, foreign: [foreign?.status(), await foreign?.text()] };
}

/** The hostile texts that a parser of the browser, as SVG or in HTML, does not return as they were serialized. */
async function misreadTexts(browser: Browser): Promise<string[]> {
  const page = await browser.newPage();
  const misread: string[] = [];
  for (const [kind, text] of Object.entries(HOSTILE_TEXTS)) {
    const markup = serialize(["svg", { xmlns: "http://www.w3.org/2000/svg" }, ["text", { class: text }, text]]);
    const read = await page.$eval("html", (root, markup) => {
      const parser = new (root.ownerDocument.defaultView!.DOMParser)();
      const documents = [parser.parseFromString(markup, "image/svg+xml"), parser.parseFromString(markup, "text/html")];
      return documents.map((document) => {
        const texts = [...document.querySelectorAll("svg *")];
        return texts.map((element) => [element.localName, element.getAttribute("class"), element.textContent]);
      });
    }, markup);
    const expected = [["text", expressible(text), expressible(text)]];
    if (JSON.stringify(read) !== JSON.stringify([expected, expected])) misread.push(`${kind}: ${JSON.stringify(read)}`);
  }
  return misread;
}

/** Waits until the page shows this status. */
async function status(page: Page, text: string): Promise<void> {
  await page.getByRole("status").filter({ hasText: text }).waitFor();
}

/** Waits until the table shows this value. */
async function shown(page: Page, name: string, value: number): Promise<void> {
  await page.locator(`#${name}[data-value="${value}"]`).waitFor();
}

/** Finds the element and reads its style in one step, because the page keeps replacing its picture. */
function styleOf(page: Page, selector: string, property: string): Promise<string> {
  return page.$eval("html, svg", (root, [selector, property]) => {
    const element = root.matches(selector!) ? root : root.querySelector(selector!)!;
    return root.ownerDocument.defaultView!.getComputedStyle(element).getPropertyValue(property!);
  }, [selector, property]);
}

/** The counts that differ. Lock acquisitions are left out, because every survey of the page adds some. */
function differences(actual: MemPoolStats, shown: Readonly<Record<string, number>>): string[] {
  return Object.entries(actual).filter(([name, value]) => name !== "lockAcquisitions" && shown[name] !== value)
    .map(([name]) => name);
}

/** The numbers in the table, by name. */
async function numbers(page: Page): Promise<Record<string, number>> {
  const cells = await page.$$eval("#stats td", (cells) => cells.map(({ id, dataset }) => [id, dataset["value"]]));
  return Object.fromEntries(cells.map(([name, value]) => [name, Number(value)]));
}

/** Counts the squares of the map that are free, or those in which the first worker has allocated blocks. */
async function squares(page: Page, what: "free" | "allocated"): Promise<number> {
  const selector = what === "free" ? "#map path.free" : '#map path[fill="#0072b2"]:not(.cached)';
  const paths = await page.$$eval(selector, (paths) => paths.map((path) => path.getAttribute("d") ?? ""));
  return paths.join("").split("z").length - 1;
}
