/** The worker of bench/_engine.ts. */

import { answer } from "../tests/support/workers.ts";
import type { MakeSides, Request, Side } from "./_engine.ts";
import { takeTurn, type Turn } from "./_measure.ts";

let sides: Side[] = [];

answer(async (request: Request): Promise<string[] | Turn | void> => {
  switch (request.kind) {
    case "make": {
      const module = await import(request.module) as Record<string, MakeSides>;
      sides = module[request.make]!(request.count);
      return sides.map(({ contender }) => contender.name);
    }
    case "turn":
      return takeTurn(sides[request.index]!.contender, request.settings);
    case "close":
      for (const side of sides) side.close();
  }
});
