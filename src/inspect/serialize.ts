import type { Attributes, Content, Element } from "./elements.ts";

/**
 * Serializes an element so that XML parsers (for a picture) and HTML parsers (for the page) read the same tree. Texts
 * and attribute values may be any strings: they are escaped. Names are written unchanged, so they must be this
 * library's constants. In HTML, `script` and `style` must stay empty, because an HTML parser reads their content
 * without unescaping.
 */
export function serialize([name, attributes, ...content]: Element): string {
  const start = `<${name}${serializeAttributes(attributes)}`;
  if (content.length === 0 && SELF_CLOSING.has(name)) return `${start}/>`;
  return `${start}>${content.map(serializeContent).join("")}</${name}>`;
}

/** Empty elements without an end tag. HTML forbids the end tag of `link` and `meta`, and requires that of `script`. */
const SELF_CLOSING: ReadonlySet<string> = new Set(["link", "meta", "path", "rect"]);

function serializeAttributes(attributes: Attributes): string {
  return Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeAttribute(String(value))}"`).join("");
}

function serializeContent(content: Content): string {
  if (content === null) return "";
  return typeof content === "string" ? escapeText(content) : serialize(content);
}

/** A parser turns a carriage return into a line feed unless it is written as a reference. */
function escapeText(text: string): string {
  return replaceForbidden(text).replace(/[&<>\r]/g, referenceTo);
}

/** A parser turns white space in an attribute value into spaces unless it is written as references. */
function escapeAttribute(value: string): string {
  return replaceForbidden(value).replace(/[&<>"\t\n\r]/g, referenceTo);
}

/** XML has no way to write most control characters, lone surrogates, U+FFFE and U+FFFF, not even as references. */
function replaceForbidden(text: string): string {
  return text.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}

const NAMED: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function referenceTo(character: string): string {
  return NAMED[character] ?? `&#${character.charCodeAt(0)};`;
}
