/**
 * What the service tells whoever counts and watches it. Names, codes and numbers only: no secret, no signed URL, and
 * no text that a registry or a caller wrote beside the image's name.
 */
export type ServiceEvent = {
  readonly type: 'lookup';
  readonly outcome: LookupOutcome;
  readonly image: string;
  readonly platform: string;
  /** Of the archive that was handed out, in bytes. */
  readonly size?: number;
};

/** stale: the tag's older image was served. miss: neither cached nor on its way. */
export type LookupOutcome = 'hit' | 'stale' | 'pending' | 'miss' | 'failed';

/** Who listens hears every event at once, in order; a listener that throws spoils nothing. */
export class ServiceEvents {
  readonly #listeners: ((event: ServiceEvent) => void)[] = [];

  subscribe(listener: (event: ServiceEvent) => void): void {
    this.#listeners.push(listener);
  }

  emit(event: ServiceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        console.error('A listener of service events failed.', error);
      }
    }
  }
}
