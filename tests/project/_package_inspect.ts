/** A user's program that draws its pool. The tests run it outside of this project, like `_package_program.ts`. */

import { MemPool } from "mempool";
import { mapAsSvg, mapAsText, type PoolPage, servePage } from "mempool/inspect";

using pool = MemPool.init(1024, 64, { cachedBlocks: 0 });
pool.alloc(100);
console.log(mapAsText(pool, { colours: false }).split("\n\n")[1]);
console.log(mapAsSvg(pool).startsWith("<svg "));
using page: PoolPage = await servePage(pool);
console.log((await (await fetch(`${page.url}map.txt`)).text()).includes("2 blocks allocated"));
