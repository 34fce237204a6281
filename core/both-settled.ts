/** Both results once both have ended, so that nothing goes on behind an error; of two errors the first one's. */
export async function bothSettled<A, B>(a: Promise<A>, b: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
