/** The worker of harness_test.ts. */

import { answer, transferring } from "../support/workers.ts";

type Message =
  | { readonly ask: "echo"; readonly value: unknown }
  | { readonly ask: "fill"; readonly buffer: ArrayBuffer }
  | { readonly ask: "throw" | "sum" | "spin" | "crash" };

let sum = 0;

answer((message: Message) => {
  switch (message.ask) {
    case "echo":
      if (typeof message.value === "number") sum += message.value;
      return message.value;
    case "fill":
      new Uint8Array(message.buffer).fill(7);
      return transferring(message.buffer, [message.buffer]);
    case "throw":
      throw Object.assign(new RangeError("told to"), { code: "told" });
    case "sum":
      return sum;
    case "spin":
      return new Promise(() => {});
    case "crash":
      setTimeout(() => {
        throw new Error("crashed on purpose");
      });
      return new Promise(() => {});
  }
});
