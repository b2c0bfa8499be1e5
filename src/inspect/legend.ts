import type { Attributes, Element } from "./elements.ts";
import { CACHED_WIDTH, paintOf, stripes } from "./grid.ts";
import { showCount } from "./numbers.ts";
import type { OwnerShare, PoolSurvey } from "./survey.ts";
import { scaleOf, shareInWords } from "./words.ts";

const LINE = 22;
const SIDE = 14;
const COLUMNS = 2;
/** The legend lists this many owners at most. The map shows all of them. */
const MAX_OWNERS = 24;

export function legendHeight({ owners }: PoolSurvey): number {
  return LINE * (1 + Math.ceil(shown(owners).length / COLUMNS) + (owners.length > MAX_OWNERS ? 1 : 0));
}

function shown(owners: readonly OwnerShare[]): readonly OwnerShare[] {
  return owners.length > MAX_OWNERS
    ? owners.toSorted((one, other) => bytesOf(other) - bytesOf(one)).slice(0, MAX_OWNERS)
    : owners;
}

function bytesOf({ allocatedBytes, cachedBytes }: OwnerShare): number {
  return allocatedBytes + cachedBytes;
}

/** Explains the states of a square and the colours of the owners. */
export function drawLegend(survey: PoolSurvey, width: number): Element[] {
  const listed = shown(survey.owners);
  const omitted = survey.owners.length - listed.length;
  return [
    ...states(survey),
    ...listed.flatMap((share, index): Element[] => [
      ...stripes(share.owner),
      [
        "g",
        { transform: `translate(${index % COLUMNS * width / COLUMNS} ${LINE * (1 + Math.floor(index / COLUMNS))})` },
        ...(share.allocatedBytes > 0 ? [sample(paintOf(share.owner))] : cachedSample(paintOf(share.owner))),
        text(SIDE + 8, shareInWords(share, survey)),
      ],
    ]),
    ...(omitted > 0 ? [lastLine(listed.length, `and ${showCount(omitted)} more with fewer blocks`)] : []),
  ];
}

function lastLine(listed: number, words: string): Element {
  const line = 1 + Math.ceil(listed / COLUMNS);
  return ["g", { transform: `translate(0 ${LINE * line})` }, text(SIDE + 8, words)];
}

/** The states are drawn in grey, because colours stand for owners. */
function states(survey: PoolSurvey): Element[] {
  const entries: [samples: Element[], words: string, at: number][] = [
    [[sample({ class: "in-use" })], "allocated", 0],
    [cachedSample({ class: "cached in-use" }), "cached", 100],
    [[sample({ class: "free" })], "free", 182],
    [[sample({ class: "run" })], "longest free run", 246],
  ];
  return [
    ...entries.map(([samples, words, at]): Element => [
      "g",
      { transform: `translate(${at} 0)` },
      ...samples,
      text(SIDE + 8, words),
    ]),
    text(400, `a square is ${scaleOf(survey)}`),
  ];
}

/** Draws cached bytes as the map does: on a square whose other bytes are free. */
function cachedSample(attributes: Attributes): Element[] {
  return [sample({ class: "free" }), sample({ class: "cached", ...attributes }, CACHED_WIDTH)];
}

function sample(attributes: Attributes, wide = 1): Element {
  return ["rect", { ...attributes, x: SIDE * (1 - wide) / 2, width: SIDE * wide, height: SIDE }];
}

function text(x: number, words: string): Element {
  return ["text", { x, y: SIDE - 2 }, words];
}
