/** Reads and writes sizes, times and counts for people. */

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The number of bytes in a size such as `512MiB`; NaN if the text is not a size. */
export function parseByteSize(text: string): number {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(text);
  return match === null ? NaN : Number(match[1]) * UNITS[match[2]!]!;
}

/** Writes a size in the largest unit that divides it, so that `parseByteSize` reads the same number back. */
export function writeByteSize(bytes: number): string {
  const unit = ["GiB", "MiB", "KiB"].find((name) => bytes % UNITS[name]! === 0) ?? "B";
  return `${bytes / UNITS[unit]!}${unit}`;
}

/** Rounds a size to three digits and adds its unit. */
export function showBytes(bytes: number): string {
  const unit = ["GiB", "MiB", "KiB"].find((name) => bytes >= UNITS[name]!) ?? "B";
  return `${showDigits(bytes / UNITS[unit]!)} ${unit}`;
}

export function showTime(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${showDigits(milliseconds / 1000)} s`;
}

export function showCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}

/** Three significant digits, without an exponent. */
function showDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
