/** The task hub, in memory: all instances, and what runs for them (activities, timers, sub-orchestrations). */
import { randomUUID } from 'node:crypto';
import type { Invoke } from '../worker/invoker.ts';
import type { FunctionMetadata } from '../worker/rpc.ts';
import { triggerOf } from '../worker/rpc.ts';
import { jsonText, metadata, resultText, toMetadata, toText } from '../worker/typedData.ts';
import type { Json } from '../worker/typedData.ts';
import { activityFailure, subOrchestrationFailure, unknownFunction } from './failures.ts';
import * as history from './history.ts';
import { Instance } from './instance.ts';
import type { StartOptions, Surroundings } from './instance.ts';
import { Limit } from './limit.ts';
import type { Command } from './script.ts';

interface TaskHubOptions {
  readonly maxConcurrentActivities: number;
  /** Awaited before each turn of an orchestration. */
  readonly beforeTurn: () => Promise<void> | void;
  readonly log: (line: string) => void;
}

/** What a client asked cannot be done to the instance as it is. */
type Refusal = 'absent' | 'ended';

export class TaskHub {
  readonly instances = new Map<string, Instance>();
  readonly #functions: readonly FunctionMetadata[];
  readonly #invoke: Invoke;
  readonly #options: TaskHubOptions;
  readonly #activities: Limit;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #surroundings: Surroundings;
  #closed = false;

  constructor(functions: readonly FunctionMetadata[], invoke: Invoke, options: TaskHubOptions) {
    this.#functions = functions;
    this.#invoke = invoke;
    this.#options = options;
    this.#activities = new Limit(options.maxConcurrentActivities);
    this.#surroundings = {
      beforeTurn: options.beforeTurn,
      log: (line) => this.#log(line),
      triggerName: (name) => this.#find('orchestrationTrigger', name)?.binding,
      missing: (name) => unknownFunction(name, 'orchestrator', this.#known('orchestrationTrigger')),
      invoke,
      dispatch: (instance, command) => this.#dispatch(instance, command),
      ended: (instance) => this.#tellParent(instance),
    };
  }

  /** Starts an instance, in the place of an ended one with its id; undefined when one still runs. */
  start(
    start: Omit<StartOptions, 'id' | 'generation'> & { readonly id?: string | undefined },
  ): Instance | undefined {
    const id = start.id ?? randomUUID().replaceAll('-', '');
    const earlier = this.instances.get(id);
    if (earlier?.isEnded === false) return undefined;
    const instance = new Instance(
      { ...start, id, generation: (earlier?.generation ?? -1) + 1 },
      this.#surroundings,
    );
    this.instances.set(id, instance);
    return instance;
  }

  /** Sends an event to a running instance. */
  send(id: string, event: history.HistoryEvent): Refusal | undefined {
    const instance = this.instances.get(id);
    if (instance === undefined) return 'absent';
    if (instance.isEnded) return 'ended';
    instance.deliver(event);
    return undefined;
  }

  /** Ends all timers. What still runs is not heard of any more. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.instances.clear();
  }

  #log(line: string): void {
    if (!this.#closed) this.#options.log(line);
  }

  #find(type: string, name: string): { readonly name: string; readonly binding: string } | undefined {
    for (const fn of this.#functions) {
      if (fn.name.toLowerCase() !== name.toLowerCase()) continue;
      const trigger = triggerOf(fn);
      if (trigger.binding.type === type) return { name: fn.name, binding: trigger.name };
    }
    return undefined;
  }

  #known(type: string): string[] {
    return this.#functions.filter((fn) => triggerOf(fn).binding.type === type).map((fn) => fn.name);
  }

  #dispatch(instance: Instance, command: Command): history.HistoryEvent | undefined {
    switch (command.kind) {
      case 'activity':
        return this.#startActivity(instance, command);
      case 'timer':
        return this.#startTimer(instance, command);
      case 'subOrchestration':
        return this.#startChild(instance, command);
    }
  }

  #startActivity(instance: Instance, { id, name, input }: Extract<Command, { kind: 'activity' }>) {
    const activity = this.#find('activityTrigger', name);
    if (activity === undefined) {
      // The real host fails the turn as a whole, over and over: nothing gets into the history.
      const reason = unknownFunction(name, 'activity', this.#known('activityTrigger'));
      this.#log(`error: ${instance.name} ${instance.id} stays Running for good: ${reason}`);
      return undefined;
    }
    const { executionId } = instance;
    void this.#activities
      .run(() => this.#runActivity(activity, instance.id, input))
      .then(
        (result) => instance.deliver(history.taskCompleted(id, result), executionId),
        (error: unknown) => {
          const { reason, details } = activityFailure(activity.name, error);
          this.#log(`error: ${reason}`);
          instance.deliver(history.taskFailed(id, reason, details), executionId);
        },
      );
    return history.taskScheduled(id, name);
  }

  async #runActivity(
    activity: { name: string; binding: string },
    instanceId: string,
    input: Json | undefined,
  ) {
    const data = toText(input);
    const properties =
      typeof input === 'object' && input !== null && !Array.isArray(input) ? Object.entries(input) : [];
    const triggerMetadata = metadata({
      instanceId: { string: instanceId },
      [activity.binding]: data,
      data: input === null || input === undefined ? {} : { json: jsonText(input) },
      ...Object.fromEntries(properties.map(([key, value]) => [key, toMetadata(value)])),
    });
    const request = { inputData: [{ name: activity.binding, data }], triggerMetadata };
    return resultText((await this.#invoke(activity.name, request)).returnValue);
  }

  #startTimer(instance: Instance, { id, fireAt }: Extract<Command, { kind: 'timer' }>) {
    const { executionId } = instance;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        instance.deliver(history.timerFired(id, fireAt), executionId);
      },
      Math.max(0, Date.parse(fireAt) - Date.now()),
    );
    this.#timers.add(timer);
    return history.timerCreated(id, fireAt);
  }

  #startChild(
    instance: Instance,
    { id, name, instanceId, input }: Extract<Command, { kind: 'subOrchestration' }>,
  ) {
    const { executionId } = instance;
    const childId = instanceId ?? `${executionId}:${id}`;
    const parent = { name: instance.name, instanceId: instance.id, executionId, taskId: id };
    const child = this.start({
      name,
      id: childId,
      input: input === undefined ? null : jsonText(input),
      parent,
    });
    if (child === undefined) {
      const { reason, details } = subOrchestrationFailure(
        name,
        `An instance with the id '${childId}' already runs.`,
      );
      instance.deliver(history.subOrchestrationFailed(id, reason, details), executionId);
    }
    return history.subOrchestrationCreated(id, name, childId);
  }

  #tellParent(child: Instance): void {
    if (child.parent === undefined) return;
    const { instanceId, executionId, taskId } = child.parent;
    const parent = this.instances.get(instanceId);
    if (child.status === 'Completed') {
      parent?.deliver(history.subOrchestrationCompleted(taskId, child.output), executionId);
      return;
    }
    const error = (child.output ?? '').replace(/^Orchestrator function '[^']*' failed: /, '');
    const { reason, details } = subOrchestrationFailure(child.name, error);
    parent?.deliver(history.subOrchestrationFailed(taskId, reason, details), executionId);
  }
}
