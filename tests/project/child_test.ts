import { assertEquals, assertRejects } from "@std/assert";
import { runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";

const program = new URL("./_child_program.ts", import.meta.url);

test("runChild - returns the output of the child", async () => {
  assertEquals(await runChild(program, ["0"], 30_000), "told to end by 0\n");
});

for (
  const [end, cause] of [["SIGABRT", "was ended by SIGABRT"], ["7", "ended with code 7"], [
    "hanging",
    "did not end in time",
  ]] as const
) {
  test(`runChild - rejects with the cause and the output of a child that ends by ${end}`, async () => {
    const patience = end === "hanging" ? 1000 : 30_000;
    await assertRejects(
      () => runChild(program, [end], patience),
      Error,
      `The child ${cause}. It wrote:\ntold to end by ${end}`,
    );
  });
}
