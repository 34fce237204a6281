/** FNV-1a hash of a text, so that every organ draws from a stream of its own. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Well-mixed 32-bit hash of an integer (lowbias32). */
export function mix32(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** Deterministic pseudo-random source (mulberry32): the same seed gives the same draws on every machine. */
export class Random {
  #state: number;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = mix32(seed);
    this.#state = this.#seed;
  }

  /** A stream of its own for `name`: draws made elsewhere do not shift it. */
  fork(name: string): Random {
    return new Random((this.#seed ^ hashText(name)) >>> 0);
  }

  /** Uniform in [0, 2^32). */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** Uniform in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * (this.bits() / 4294967296);
  }

  /** Uniform integer in [low, high], both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.range(0, high - low + 1));
  }

  /** `value` moved by at most `spread` either way. */
  jitter(value: number, spread: number): number {
    return this.range(value - spread, value + spread);
  }

  /** True with probability `probability`. */
  chance(probability: number): boolean {
    return this.range(0, 1) < probability;
  }

  /** Standard normal deviate (Box-Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.range(0, 1)));
    return radius * Math.cos(this.range(0, 2 * Math.PI));
  }
}

/** A smooth scalar field over millimetres, about [-1, 1]. */
export type Field = (x: number, y: number, z: number) => number;

const PERIOD = 32;

/** Tricubic-faded value noise on a lattice of `cellMm`, repeating every 32 cells. */
export function smoothField(random: Random, cellMm: number): Field {
  const lattice = new Float32Array(PERIOD ** 3).map(() => random.range(-1, 1));
  const scale = 1 / cellMm;
  const mask = PERIOD - 1;
  return (x, y, z) => {
    const u = x * scale;
    const v = y * scale;
    const w = z * scale;
    const i = Math.floor(u);
    const j = Math.floor(v);
    const k = Math.floor(w);
    const fade = (t: number): number => t * t * (3 - 2 * t);
    const a = fade(u - i);
    const b = fade(v - j);
    const c = fade(w - k);
    const i0 = i & mask;
    const i1 = (i + 1) & mask;
    const j0 = (j & mask) << 5;
    const j1 = ((j + 1) & mask) << 5;
    const k0 = (k & mask) << 10;
    const k1 = ((k + 1) & mask) << 10;
    const row = (base: number): number => {
      const start = lattice[base + i0]!;
      return start + a * (lattice[base + i1]! - start);
    };
    const near = row(j0 + k0) + b * (row(j1 + k0) - row(j0 + k0));
    const far = row(j0 + k1) + b * (row(j1 + k1) - row(j0 + k1));
    return near + c * (far - near);
  };
}
