import type { ServiceEvent } from './serviceEvents.ts';

/**
 * Writes an event as one line of JSON. Not to an invocation's own log: some of what is told outlives every invocation.
 * The Functions host takes each line of the standard output into its log, and so into Application Insights.
 */
export function logEvent(event: ServiceEvent): void {
  console.log(JSON.stringify(event));
}
