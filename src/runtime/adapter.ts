import { DATA, type Mapping, META, type Native } from "./native.ts";
import type { Symbols } from "./symbols.ts";

/** A region as every runtime maps it. Each runtime's own class makes buffers and finds the address of a buffer. */
export abstract class LibraryMapping<Pointer> implements Mapping {
  declare readonly meta: ArrayBuffer;
  declare readonly dataBytes: number;
  declare protected readonly symbols: Symbols<Pointer>;
  declare protected readonly number: number;
  declare protected readonly data: Pointer;

  constructor(symbols: Symbols<Pointer>, number: number) {
    this.symbols = symbols;
    this.number = number;
    this.data = symbols.mempool_data(number);
    this.dataBytes = symbols.mempool_data_bytes(number);
    this.meta = this.bufferAt(symbols.mempool_meta(number), 0, symbols.mempool_meta_bytes(number));
  }

  /** A new buffer over these bytes of native memory. */
  protected abstract bufferAt(pointer: Pointer, offset: number, byteLength: number): ArrayBuffer;

  /** The address of a buffer's first byte. */
  protected abstract addressOf(buffer: ArrayBuffer): Pointer;

  abstract exchange(word: number, expected: number, replacement: number): number;

  buffer(offset: number, byteLength: number): ArrayBuffer {
    return this.bufferAt(this.data, offset, byteLength);
  }

  offsetOf(buffer: ArrayBuffer): number {
    return this.symbols.mempool_offset(this.number, this.addressOf(buffer));
  }

  lock(timeout: number): number {
    return this.symbols.mempool_lock(this.number, timeout);
  }

  unlock(): void {
    this.symbols.mempool_unlock(this.number);
  }

  zero(offset: number, byteLength: number): void {
    this.symbols.mempool_zero(this.number, offset, byteLength);
  }

  move(to: number, from: number, byteLength: number): void {
    this.symbols.mempool_move(this.number, to, from, byteLength);
  }

  grow(dataBytes: number): boolean {
    return this.symbols.mempool_grow(this.number, dataBytes) === 0;
  }

  discardData(offset: number, byteLength: number): number {
    return this.symbols.mempool_discard(this.number, DATA, offset, byteLength);
  }

  discardMeta(offset: number, byteLength: number): number {
    return this.symbols.mempool_discard(this.number, META, offset, byteLength);
  }

  destroy(keepBytes: number, timeout: number): void {
    this.symbols.mempool_destroy(this.number, keepBytes, timeout);
  }

  publish(name: Uint16Array): number {
    return this.symbols.mempool_publish(this.number, name.length, withAddress(name));
  }

  close(): void {
    this.symbols.mempool_close(this.number);
  }
}

/** A region on runtimes whose engines compile an exchange by Atomics well. */
export abstract class AtomicsMapping<Pointer> extends LibraryMapping<Pointer> {
  declare private readonly words: Int32Array;

  constructor(symbols: Symbols<Pointer>, number: number) {
    super(symbols, number);
    this.words = new Int32Array(this.meta);
  }

  override exchange(word: number, expected: number, replacement: number): number {
    return Atomics.compareExchange(this.words, word, expected, replacement);
  }
}

/** The library as every runtime calls it. */
export class Library<Pointer> implements Native {
  declare readonly abi: number;
  declare readonly process: number;
  declare readonly maxBufferBytes: number;
  declare private readonly symbols: Symbols<Pointer>;
  declare private readonly MappingHere: new (symbols: Symbols<Pointer>, number: number) => Mapping;

  constructor(
    symbols: Symbols<Pointer>,
    MappingHere: new (symbols: Symbols<Pointer>, number: number) => Mapping,
    maxBufferBytes: number,
  ) {
    this.symbols = symbols;
    this.MappingHere = MappingHere;
    this.abi = symbols.mempool_abi();
    this.process = symbols.mempool_process();
    this.maxBufferBytes = maxBufferBytes;
  }

  thread(): number {
    return this.symbols.mempool_thread();
  }

  alive(thread: number): boolean {
    return this.symbols.mempool_alive(thread) === 1;
  }

  restart(): void {
    this.symbols.mempool_restart();
  }

  earlier(thread: number): boolean {
    return this.symbols.mempool_earlier(thread) === 1;
  }

  create(metaBytes: number, dataBytes: number, mostBytes: number): number {
    return this.symbols.mempool_create(metaBytes, dataBytes, mostBytes);
  }

  find(name: Uint16Array): number {
    return this.symbols.mempool_find(name.length, withAddress(name));
  }

  leftBehind(): number {
    return this.symbols.mempool_left_behind();
  }

  open(id: number): number {
    return this.symbols.mempool_open(id);
  }

  barrier(): boolean {
    return this.symbols.mempool_barrier() === 1;
  }

  mapping(number: number): Mapping {
    return new this.MappingHere(this.symbols, number);
  }
}

/** Not every runtime passes an array without elements. */
function withAddress(units: Uint16Array): Uint16Array {
  return units.length > 0 ? units : new Uint16Array(1);
}
