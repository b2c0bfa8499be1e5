import { connect } from "node:net";

/** Sends bytes to the server, and returns whether its answer is their hash. */
export async function upload(url: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const response = await fetch(url, { method: "POST", body: bytes });
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return await response.text() === new Uint8Array(hash).toHex();
}

/** Sends the first half of an upload and disconnects. */
export function breakOff(url: string, byteLength: number): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const head = `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${byteLength}\r\n\r\n`;
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.end(head + "x".repeat(byteLength / 2)));
    socket.resume().on("error", () => {}).on("close", () => resolve()); // the server may reset the connection
  });
}
