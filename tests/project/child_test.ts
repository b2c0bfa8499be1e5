import { assertEquals, assertRejects } from "@std/assert";
import { runChild } from "../support/child.ts";
import { test } from "../support/harness.ts";

const program = new URL("./_child_program.ts", import.meta.url);

test("child - what it printed", async () => {
  assertEquals(await runChild(program, ["0"], 30_000), "told to end by 0\n");
});

for (
  const [end, said] of [["SIGABRT", "was ended by SIGABRT"], ["7", "ended with code 7"], [
    "hanging",
    "did not end in time",
  ]] as const
) {
  test(`child - that ends by ${end}: it says so`, async () => {
    const patience = end === "hanging" ? 1000 : 30_000;
    await assertRejects(
      () => runChild(program, [end], patience),
      Error,
      `The child ${said}. It wrote:\ntold to end by ${end}`,
    );
  });
}
