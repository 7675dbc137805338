/** Runs timer functions when they are due, at start-up, and by hand. */
import type { Environment } from '../hostJson.ts';
import type { Invoke } from '../worker/invoker.ts';
import type { FunctionMetadata } from '../worker/rpc.ts';
import { triggerOf } from '../worker/rpc.ts';
import { parseSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { dateText } from '../worker/typedData.ts';

const NEVER = '0001-01-01T00:00:00+00:00';
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MINUTE_MS = 60_000;

/** What the monitor of a timer function remembers from one start of the host to the next. */
export interface TimerState {
  readonly last: Date | undefined;
  readonly next: Date;
  readonly lastUpdated: Date | undefined;
}

interface TimerFunction {
  readonly name: string;
  readonly bindingName: string;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  /** Kept only with useMonitor, and not for intervals under a minute. */
  readonly isMonitored: boolean;
}

/** Dates in the Timer object have an offset, and no fraction when it is zero. */
const offsetDate = (date: Date | undefined): string =>
  date === undefined ? NEVER : date.toISOString().replace(/\.000Z$|Z$/, '+00:00');

interface TimersOptions {
  readonly log: (line: string) => void;
  /** Where a schedule `%NAME%` is looked up. */
  readonly env: Environment;
  /** Kept up to date, and taken over where there are any. */
  readonly states?: Map<string, TimerState>;
}

export class Timers {
  readonly #functions: TimerFunction[];
  readonly #invoke: Invoke;
  readonly #log: (line: string) => void;
  readonly #states: Map<string, TimerState>;
  readonly #waiting = new Set<NodeJS.Timeout>();
  #closed = false;

  /** Throws when a schedule is not valid. */
  constructor(functions: readonly FunctionMetadata[], invoke: Invoke, options: TimersOptions) {
    this.#invoke = invoke;
    this.#log = options.log;
    this.#states = options.states ?? new Map<string, TimerState>();
    this.#functions = functions
      .map((fn) => ({ fn, trigger: triggerOf(fn) }))
      .filter(({ trigger }) => trigger.binding.type.toLowerCase() === 'timertrigger')
      .map(({ fn, trigger }) => create(fn.name, trigger.name, trigger.binding, options.env));
  }

  /** Also makes up for a run that was missed while the host was down, once. */
  start(): void {
    const now = new Date();
    for (const fn of this.#functions) {
      const known = fn.isMonitored ? this.#states.get(fn.name) : undefined;
      const isPastDue = known !== undefined && known.next < now;
      const first = {
        last: undefined,
        next: fn.schedule.next(now),
        lastUpdated: fn.runOnStartup ? undefined : now,
      };
      this.#states.set(fn.name, known ?? first);
      if (isPastDue || fn.runOnStartup) this.#runScheduled(fn, isPastDue);
      this.#arm(fn);
    }
  }

  /** Runs a timer function now, without waiting for it; false when there is none of that name. */
  runNow(name: string, input?: string): boolean {
    const fn = this.#functions.find((candidate) => candidate.name === name);
    if (fn !== undefined) this.#run(fn, false, input);
    return fn !== undefined;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }

  #arm(fn: TimerFunction): void {
    const due = this.#states.get(fn.name)?.next.getTime();
    if (this.#closed || due === undefined) return;
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer);
        if (due <= Date.now()) this.#runScheduled(fn, false);
        this.#arm(fn);
      },
      Math.min(Math.max(0, due - Date.now()), MAX_TIMEOUT_MS),
    );
    this.#waiting.add(timer);
  }

  #runScheduled(fn: TimerFunction, isPastDue: boolean): void {
    this.#run(fn, isPastDue);
    const now = new Date();
    this.#states.set(fn.name, { last: now, next: fn.schedule.next(now), lastUpdated: now });
  }

  #run(fn: TimerFunction, isPastDue: boolean, input?: string): void {
    const state = this.#states.get(fn.name);
    const status = {
      Last: offsetDate(state?.last),
      Next: offsetDate(state?.next),
      LastUpdated: offsetDate(state?.lastUpdated),
    };
    const timer = {
      Schedule: { AdjustForDST: fn.schedule.adjustForDST },
      ScheduleStatus: fn.isMonitored ? status : null,
      IsPastDue: isPastDue,
    };
    const request = {
      inputData: [{ name: fn.bindingName, data: { json: JSON.stringify(timer) } }],
      triggerMetadata: {
        TimerTrigger: { string: dateText(new Date()) },
        ...(input === undefined ? {} : { [fn.bindingName]: { string: input } }),
      },
    };
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
  env: Environment,
): TimerFunction {
  const text = binding.schedule as string;
  const expression = text.replace(/^%(\w+)%$/, (_, variable: string) => {
    const value = env[variable];
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
  };
}
