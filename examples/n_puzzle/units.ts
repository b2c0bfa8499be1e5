/** Numbers as people write and read them. */

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Bytes in a size such as `512MiB`; NaN when it is none. */
export function parseByteSize(text: string): number {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(text);
  return match === null ? NaN : Number(match[1]) * UNITS[match[2]!]!;
}

/** A whole number of the largest unit that fits, as `parseByteSize` reads it. */
export function writeByteSize(bytes: number): string {
  const unit = ["GiB", "MiB", "KiB"].find((name) => bytes % UNITS[name]! === 0) ?? "B";
  return `${bytes / UNITS[unit]!}${unit}`;
}

/** Bytes for the eye: three digits and a unit. */
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

/** Three significant digits, never in exponents. */
function showDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
