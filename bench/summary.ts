/** Least, middle and greatest of some figures. */
export function spread(figures: readonly number[]): {
  readonly least: number;
  readonly median: number;
  readonly most: number;
} {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return { least: at(0), median: at(Math.floor(sorted.length / 2)), most: at(sorted.length - 1) };
}

/** The same in words: `min 1.20  median 1.31  max 1.90`. */
export function summary(figures: readonly number[]): string {
  const { least, median, most } = spread(figures);
  return `min ${least.toFixed(2)}  median ${median.toFixed(2)}  max ${most.toFixed(2)}`;
}
