/**
 * Stands in for the module `@azure/functions-core`, which exists only inside the Functions worker. The
 * libraries `require` it to register functions; functionsThread.ts points that name to this file. One thread holds
 * one app, so what is registered here belongs to one host.
 */
import type { FunctionMetadata, InvocationRequest, InvocationResponse } from './rpc.ts';

type Handler = (...args: unknown[]) => unknown;

interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly handler: Handler;
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: Handler): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface CoreContext {
  readonly invocationId: string;
  readonly request: InvocationRequest;
  readonly metadata: FunctionMetadata;
  log(level: string, category: string, message: string): void;
}

interface ProgrammingModel {
  getInvocationModel(context: CoreContext): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

/** What the app has registered so far. Function names are unique, whatever their case. */
export const registry = {
  model: undefined as ProgrammingModel | undefined,
  functions: new Map<string, RegisteredFunction>(),
  terminateHooks: new Set<(context: object) => unknown>(),
  log: (level: string, message: string): void => console.error(`${level}: ${message}`),
};

export function setProgrammingModel(model: ProgrammingModel): void {
  registry.model = model;
}

export function registerFunction(metadata: FunctionMetadata, handler: Handler): void {
  const key = metadata.name.toLowerCase();
  if (registry.functions.has(key)) {
    throw new Error(`A function with name "${metadata.name}" has already been registered.`);
  }
  registry.functions.set(key, { metadata, handler });
}

/** Gives what takes the hook away again. */
export function registerHook(name: string, hook: (context: object) => unknown): { dispose(): void } {
  if (name !== 'appTerminate')
    throw new Error(`The app registers the hook '${name}', which the local host does not support.`);
  registry.terminateHooks.add(hook);
  return { dispose: () => registry.terminateHooks.delete(hook) };
}

export function log(level: string, _category: string, message: string): void {
  registry.log(level, message);
}
