/** Values of a label that count by themselves; each costs a time series, and callers choose registries. */
const MOST_VALUES = 50;
const OTHER = 'other';

/** Keeps the first values that it is shown, and makes `other` of the rest. */
export class BoundedLabels {
  readonly #seen = new Set<string>();

  of(value: string): string {
    if (!this.#seen.has(value)) {
      if (this.#seen.size === MOST_VALUES) return OTHER;
      this.#seen.add(value);
    }
    return value;
  }
}
