import type { StatisticsPoint } from '../api/operatorViews.ts';
import { type Hours, type HourStatistics, sum } from '../store/hints/statistics.ts';

const HOUR_MS = 3600 * 1000;

/** How many hours one point stands for: an hour up to two days, six up to two weeks, then a day. */
export function intervalHours(days: number): number {
  if (days <= 2) return 1;
  return days <= 14 ? 6 : 24;
}

/** Points of so many hours, oldest first, each beginning at a multiple of them in its UTC day. */
export function series(hours: Hours, interval: number): StatisticsPoint[] {
  const points = new Map<string, HourStatistics>();
  for (const [hour, known] of [...hours].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const start = Math.floor(Date.parse(hour) / (interval * HOUR_MS)) * interval * HOUR_MS;
    const time = `${new Date(start).toISOString().slice(0, 19)}Z`;
    points.set(time, sum(points.get(time) ?? {}, known));
  }
  return [...points].map(([time, known]) => ({ time, ...known }));
}
