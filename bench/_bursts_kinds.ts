/** What a burst frees, and in which order: the numbers are those of bench/native/floor.c. */
export const KINDS = { "a random half": 0, "all in order": 1, "all in reverse": 2, "all shuffled": 3 } as const;

export type Kind = keyof typeof KINDS;
