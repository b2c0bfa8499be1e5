/** The serializer of pictures and page: the exact text of a tree, and texts that must not break out of it. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { serialize } from "../../src/inspect/serialize.ts";
import { test } from "../support/harness.ts";
import { elementsOf } from "../support/inspect.ts";
import { forAll } from "../support/random.ts";
import { expressible, HOSTILE_TEXTS } from "./_hostile_texts.ts";

test("serialize - a tree of elements becomes nested tags, with the attributes in their order", () => {
  const tree = serialize(["svg", { id: "a", width: 1.5, height: 0 }, ["g", {}, ["title", {}, "one"], "two"], "three"]);
  assertEquals(tree, '<svg id="a" width="1.5" height="0"><g><title>one</title>two</g>three</svg>');
});

test("serialize - null stands for no content, an empty text for an element that has content", () => {
  assertEquals(serialize(["g", {}, null, "a", null]), "<g>a</g>");
  assertEquals(serialize(["path", {}, ""]), "<path></path>");
});

test("serialize - an empty element has no end tag only where HTML and XML both allow that", () => {
  for (const name of ["link", "meta", "path", "rect"]) assertEquals(serialize([name, { a: 1 }]), `<${name} a="1"/>`);
  for (const name of ["script", "g", "figure", "tbody"]) assertEquals(serialize([name, {}]), `<${name}></${name}>`);
});

test("serialize - text and attribute values are escaped in exactly this way", () => {
  const text = "<a b=\"c\" d='e'>&amp;\t\r\n\0\ud800\ufffe½";
  assertEquals(
    serialize(["text", { title: text }, text]),
    "<text title=\"&lt;a b=&quot;c&quot; d='e'&gt;&amp;amp;&#9;&#13;&#10;\ufffd\ufffd\ufffd½\">" +
      "&lt;a b=\"c\" d='e'&gt;&amp;amp;\t&#13;\n\ufffd\ufffd\ufffd½</text>",
  );
});

/** Reads a text back from its serialized forms, as an XML parser reads text and an attribute value. */
function readBack(text: string): { content: string; attribute: string } {
  const markup = serialize(["g", { a: text }, text, ["text", { b: text }, text]]);
  const [outer, inner, ...others] = elementsOf(markup);
  assertEquals([outer!.name, inner!.name, others], ["g", "text", []]);
  assertEquals([Object.keys(outer!.attributes), Object.keys(inner!.attributes)], [["a"], ["b"]]);
  assertEquals(outer!.attributes["a"], inner!.attributes["b"]);
  const content = /<text [^>]*>([^<]*)<\/text><\/g>$/.exec(markup)![1]!;
  return { content: unescaped(content), attribute: unescaped(outer!.attributes["a"]!.replace(/[\t\n\r]/g, " ")) };
}

/** Does what an XML parser does to line ends and references. */
function unescaped(markup: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return markup.replace(/\r\n?/g, "\n").replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) => {
    return code === undefined ? named[name]! : String.fromCodePoint(Number(code));
  });
}

for (const [kind, text] of Object.entries(HOSTILE_TEXTS)) {
  test(`serialize - ${kind}: the text stays in its place and reads back as it was`, () => {
    assertEquals(readBack(text), { content: expressible(text), attribute: expressible(text) });
  });
}

test("serialize - any string stays in its place and reads back as it was", () => {
  const unit = fc.oneof(
    fc.constantFrom(..."<>&\"'\t\r\n;#x\0"),
    fc.nat({ max: 0xffff }).map((c) => String.fromCharCode(c)),
  );
  forAll(1000, fc.string({ unit, maxLength: 40 }), (text) => {
    assertEquals(readBack(text), { content: expressible(text), attribute: expressible(text) });
  });
});
