/** Runs timer functions when they are due, at start-up, and by hand. Their monitor's state lives in memory only. */
import type { Invoke } from './invoker.ts';
import type { FunctionMetadata } from './rpc.ts';
import { triggerOf } from './rpc.ts';
import { parseSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { dateText } from './typedData.ts';

const NEVER = '0001-01-01T00:00:00+00:00';
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MINUTE_MS = 60_000;

interface TimerFunction {
  readonly name: string;
  readonly bindingName: string;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  /** Kept only with useMonitor, and not for intervals under a minute. */
  readonly isMonitored: boolean;
  due: Date;
  last: Date | undefined;
  lastUpdated: Date | undefined;
}

/** Dates in the Timer object have an offset, and no fraction when it is zero. */
const offsetDate = (date: Date | undefined): string =>
  date === undefined ? NEVER : date.toISOString().replace(/\.000Z$|Z$/, '+00:00');

export class Timers {
  readonly #functions: TimerFunction[];
  readonly #invoke: Invoke;
  readonly #log: (line: string) => void;
  readonly #waiting = new Set<NodeJS.Timeout>();
  #closed = false;

  /** Throws when a schedule is not valid. */
  constructor(functions: readonly FunctionMetadata[], invoke: Invoke, log: (line: string) => void) {
    this.#invoke = invoke;
    this.#log = log;
    this.#functions = functions
      .map((fn) => ({ fn, trigger: triggerOf(fn) }))
      .filter(({ trigger }) => trigger.binding.type.toLowerCase() === 'timertrigger')
      .map(({ fn, trigger }) => create(fn.name, trigger.name, trigger.binding));
  }

  start(): void {
    for (const fn of this.#functions) {
      if (fn.runOnStartup) this.#run(fn, true);
      else fn.lastUpdated = new Date();
      this.#arm(fn);
    }
  }

  /** Runs a timer function now, without waiting for it; false when there is none of that name. */
  runNow(name: string): boolean {
    const fn = this.#functions.find((candidate) => candidate.name === name);
    if (fn !== undefined) this.#run(fn, false);
    return fn !== undefined;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }

  #arm(fn: TimerFunction): void {
    if (this.#closed) return;
    const wait = Math.max(0, fn.due.getTime() - Date.now());
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer);
        if (fn.due.getTime() <= Date.now()) {
          this.#run(fn, true);
          fn.due = fn.schedule.next(new Date());
        }
        this.#arm(fn);
      },
      Math.min(wait, MAX_TIMEOUT_MS),
    );
    this.#waiting.add(timer);
  }

  #run(fn: TimerFunction, scheduled: boolean): void {
    const now = new Date();
    const status = {
      Last: offsetDate(fn.last),
      Next: offsetDate(fn.due),
      LastUpdated: offsetDate(fn.lastUpdated),
    };
    const timer = {
      Schedule: { AdjustForDST: fn.schedule.adjustForDST },
      ScheduleStatus: fn.isMonitored ? status : null,
      IsPastDue: false,
    };
    const request = {
      inputData: [{ name: fn.bindingName, data: { json: JSON.stringify(timer) } }],
      triggerMetadata: { TimerTrigger: { string: dateText(now) } },
    };
    if (scheduled) {
      fn.last = now;
      fn.lastUpdated = now;
    }
    this.#invoke(fn.name, request).catch((error: unknown) => {
      if (!this.#closed)
        this.#log(`error: ${fn.name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

function create(
  name: string,
  bindingName: string,
  binding: Readonly<Record<string, unknown>>,
): TimerFunction {
  const text = binding.schedule as string;
  const expression = text.replace(/^%(\w+)%$/, (_, variable: string) => {
    const value = process.env[variable];
    if (value === undefined)
      throw new Error(`'${variable}' is not set; the timer function '${name}' takes its schedule from it.`);
    return value;
  });
  const schedule = parseSchedule(expression);
  const due = schedule.next(new Date());
  return {
    name,
    bindingName,
    schedule,
    runOnStartup: binding.runOnStartup === true,
    isMonitored: binding.useMonitor !== false && schedule.next(due).getTime() - due.getTime() >= MINUTE_MS,
    due,
    last: undefined,
    lastUpdated: undefined,
  };
}
