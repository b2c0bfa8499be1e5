/** Texts that break a document in which they are not escaped, and the same texts as a parser must return them. */

export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  "quotes": `" onload="x" ' 'y'`,
  "angle brackets": "</text><script>x</script><!-- --> ]]> <![CDATA[",
  "ampersands": "&amp; &lt; &#60; &nosuch; & &&",
  "white space": "\t a\n\nb\r\nc\rd  ",
  "control characters": "\0\x01\x08\x0b\x0c\x1b[31m\x7f\x85",
  "lone surrogates": "\ud800 \udfff\ud800 \udc00",
  "pairs of surrogates": "\u{1f600}\u{10ffff}",
  "other characters": "\u00a0\u2028\ufeff\ufffd\ufffe\uffff½",
  "nothing": "",
};

/** The text with every character that XML cannot express replaced by U+FFFD. */
export function expressible(text: string): string {
  return [...text].map((character) => isExpressible(character.codePointAt(0)!) ? character : "\ufffd").join("");
}

/** The characters of XML 1.0, production 2. */
function isExpressible(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code < 0xd800 || (code >= 0xe000 && code < 0xfffe) || code >= 0x10000;
}
