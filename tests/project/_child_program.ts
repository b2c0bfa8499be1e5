/** The program of child_test.ts: ends in the way that its argument names. */

import process from "node:process";

const [end = ""] = process.argv.slice(2);
console.log(`told to end by ${end}`);
if (end.startsWith("SIG")) process.kill(process.pid, end);
else if (end === "hanging") setInterval(() => {}, 1000);
else process.exitCode = Number(end);
