import { useLibrary } from "./_library_use.ts";
import { answer } from "./_workers.ts";

answer(useLibrary);
