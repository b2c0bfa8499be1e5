import type { Element } from "./elements.ts";
import { serialize } from "./serialize.ts";
import { PICTURE_STYLE } from "./style.ts";
import type { MemPoolStats } from "../../mod.ts";

/** What the server sends to the page, first on connection and then after each survey. */
export interface PageEvent {
  /** "live"; "trouble" if the last survey failed; "ended" if no later survey can succeed. */
  readonly state: "live" | "trouble" | "ended";
  /** The state as a sentence for the page. */
  readonly message: string;
  /** The map of the last survey that succeeded; `null` if none did. */
  readonly picture: string | null;
  /** The counts of that survey. */
  readonly stats: MemPoolStats | null;
}

export const PAGE_STYLE: string = `${PICTURE_STYLE}
:root { color-scheme: light dark; --page: #ffffff; --text: #1b1f24; --rule: #d5dae0; --live: #00694d; --ended: #a33b00; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1216; --text: #eef1f4; --rule: #343c45; --live: #4fd6a8; --ended: #ff9e66; }
}
body { background: var(--page); color: var(--text); font: 14px/1.45 system-ui, sans-serif; margin: 1rem auto;
  max-width: 70rem; padding: 0 1rem; display: grid; grid-template-columns: minmax(0, 46rem) minmax(15rem, 1fr); gap: 0 2rem; }
@media (max-width: 60rem) { body { grid-template-columns: minmax(0, 1fr); } }
header { grid-column: 1 / -1; display: flex; gap: 1.5rem; align-items: baseline; border-bottom: 1px solid var(--rule); }
h1 { font-size: 1.1rem; margin: 0.5rem 0; }
#status { font-weight: 600; color: var(--ended); margin: 0; }
#status[data-state="live"] { color: var(--live); }
#map svg { width: 100%; height: auto; display: block; }
#map { margin: 0; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; font-variant-numeric: tabular-nums; align-self: start; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
th { text-align: left; font-weight: 400; } td { text-align: right; }
th, td { border-bottom: 1px solid var(--rule); padding: 0.15rem 0; }
`;

/**
 * The script of the page. The markup it inserts is only the picture, which this library wrote; numbers are inserted as
 * text.
 */
export const PAGE_SCRIPT = `"use strict";
const byId = (id) => document.getElementById(id);
const numbers = new Map();

function showState(state, message) {
  const status = byId("status");
  if (status.textContent === message && status.dataset.state === state) return; // or screen readers repeat it
  status.dataset.state = state;
  status.textContent = message;
}

function cellOf(name) {
  if (!numbers.has(name)) {
    const row = byId("stats").tBodies[0].insertRow();
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    head.textContent = name;
    const cell = row.insertCell();
    cell.id = name;
    numbers.set(name, cell);
  }
  return numbers.get(name);
}

function write(value) {
  return Number.isInteger(value) ? value.toLocaleString("en-GB") : value.toFixed(4);
}

const source = new EventSource("events");
source.onmessage = ({ data }) => {
  const { state, message, picture, stats } = JSON.parse(data);
  showState(state, message);
  if (picture !== null) byId("map").innerHTML = picture;
  for (const [name, value] of Object.entries(stats ?? {})) {
    const cell = cellOf(name);
    cell.textContent = write(value);
    cell.dataset.value = value;
  }
};
source.onerror = () => showState("lost", "No connection: the program has ended, or is too busy to answer");
`;

const PAGE: Element = [
  "html",
  { lang: "en" },
  [
    "head",
    {},
    ["meta", { charset: "utf-8" }],
    ["meta", { name: "viewport", content: "width=device-width, initial-scale=1" }],
    ["title", {}, "mempool"],
    ["link", { rel: "icon", href: "data:," }],
    ["link", { rel: "stylesheet", href: "page.css" }],
    ["script", { src: "page.js", defer: "defer" }],
  ],
  [
    "body",
    {},
    ["header", {}, ["h1", {}, "mempool"], ["p", { id: "status", role: "status" }, "Connecting"]],
    ["figure", { id: "map" }],
    ["table", { id: "stats" }, ["caption", {}, "stats()"], ["tbody", {}]],
  ],
];

export const PAGE_TEXT: string = `<!DOCTYPE html>\n${serialize(PAGE)}\n`;
