/** How many requests there are, and how many clients send them. Each client sends one request after another. */
export interface Load {
  readonly requests: number;
  readonly clients: number;
  /** The length of the longest list. */
  readonly longest: number;
}

/** Sends all requests, and returns how many got the right answer. */
export async function send(url: string, { requests, clients, longest }: Load): Promise<number> {
  let sent = 0;
  let right = 0;
  const client = async (): Promise<void> => {
    for (let number = sent++; number < requests; number = sent++) {
      const list = numbers(number, longest);
      const init = { method: "POST", body: slowly(list), duplex: "half" as const }; // Node asks for the last one
      const response = await fetch(url, init);
      const answer = await response.text();
      if (answer === `${list.sort()[list.length - 1 >> 1]}\n`) right++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return right;
}

/** A list with random length and numbers, different for each request. */
function numbers(request: number, longest: number): Float64Array<ArrayBuffer> {
  let seed = request + 1;
  const random = (): number => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  return Float64Array.from({ length: Math.ceil(longest * random()) || 1 }, random);
}

/** Sends a list in four parts, as a network would, so that requests keep their blocks for a while. */
function slowly(list: Float64Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(list.buffer);
  const part = Math.ceil(bytes.length / 4);
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      controller.enqueue(bytes.slice(at, at += part));
      if (at >= bytes.length) controller.close();
    },
  });
}
