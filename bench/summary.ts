/** Least, middle and greatest of some figures: `min 1.20  median 1.31  max 1.90`. */
export function summary(figures: readonly number[]): string {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (index: number): string => (sorted[index] ?? Number.NaN).toFixed(2);
  return `min ${at(0)}  median ${at(Math.floor(sorted.length / 2))}  max ${at(sorted.length - 1)}`;
}
