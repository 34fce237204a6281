/** Compares names as people sort them: numbers in them by value, everything else by code unit. */
export function naturalOrder(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const order = compareChunks(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length || plainOrder(a, b);
}

function compareChunks(a: string, b: string): number {
  if (!/^\d/.test(a) || !/^\d/.test(b)) return plainOrder(a, b);
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return left.length - right.length || plainOrder(left, right);
}

const plainOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
