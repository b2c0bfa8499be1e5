/** Bytes in a kilobyte, as memory is counted. */
export const KILOBYTE = 1024;
/** Bytes in a megabyte. */
export const MEGABYTE = 1_048_576;
/** Bytes in a gigabyte. */
export const GIGABYTE = 1_073_741_824;
