/** Checks an option that must be a whole number within bounds. Returns `fallback` if the option is undefined. */
export function numberWithin(
  name: string,
  given: number | undefined,
  fallback: number,
  lowest: number,
  highest: number,
): number {
  const value = given ?? fallback;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot inspect pool: ${name} must be a number, got ${typeof value}`);
  }
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw new RangeError(
    `Cannot inspect pool: ${name} must be a whole number from ${lowest} to ${highest}, got ${value}`,
  );
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Formats `4096` as "4 KiB", with at most two decimals. */
export function showBytes(bytes: number): string {
  let unit = 0;
  for (; bytes >= 1024 && unit < UNITS.length - 1; unit++) bytes /= 1024;
  const rounded = Math.round(bytes * 100) / 100;
  return `${rounded.toLocaleString("en-GB")} ${unit === 0 && rounded === 1 ? "byte" : UNITS[unit]}`;
}

/** Formats `1234567` as "1,234,567". */
export function showCount(count: number): string {
  return count.toLocaleString("en-GB");
}

/** Formats a number of blocks as "1 block" or "2 blocks". */
export function showBlocks(count: number): string {
  return `${showCount(count)} ${count === 1 ? "block" : "blocks"}`;
}

/** Formats a share of 1 as "12.5 %". Only 0 is shown as "0 %", and only 1 as "100 %". */
export function showShare(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(1).replace(".0", "")} %`;
}

/** Formats milliseconds as "850 ms", "12 s" or "3 min". */
export function showTime(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
