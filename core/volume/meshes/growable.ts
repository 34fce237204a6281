type Numbers = Float32Array | Int32Array | Uint32Array;

/** A typed array that grows as numbers are added; `array` is longer than `length` and replaced when it grows. */
export interface Growable<T extends Numbers> {
  readonly array: T;
  readonly length: number;
  push3(a: number, b: number, c: number): void;
  push4(a: number, b: number, c: number, d: number): void;
  /** The numbers added so far, in an array of their own length. */
  taken(): T;
}

const FIRST_LENGTH = 1 << 12;

/** An empty growable array of a type. */
export function growable<T extends Numbers>(type: new (length: number) => T): Growable<T> {
  return new GrowingArray(type);
}

class GrowingArray<T extends Numbers> implements Growable<T> {
  array: T;
  length = 0;
  readonly #type: new (length: number) => T;

  constructor(type: new (length: number) => T) {
    this.#type = type;
    this.array = new type(FIRST_LENGTH);
  }

  push3(a: number, b: number, c: number): void {
    if (this.length + 3 > this.array.length) this.#grow();
    this.array[this.length] = a;
    this.array[this.length + 1] = b;
    this.array[this.length + 2] = c;
    this.length += 3;
  }

  push4(a: number, b: number, c: number, d: number): void {
    if (this.length + 4 > this.array.length) this.#grow();
    this.array[this.length] = a;
    this.array[this.length + 1] = b;
    this.array[this.length + 2] = c;
    this.array[this.length + 3] = d;
    this.length += 4;
  }

  taken(): T {
    return this.array.slice(0, this.length) as T;
  }

  #grow(): void {
    const larger = new this.#type(2 * this.array.length);
    larger.set(this.array);
    this.array = larger;
  }
}
