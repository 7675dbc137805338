/**
 * Stands in for the module `@azure/functions-core`, which exists only inside the Functions worker. The
 * libraries `require` it to register functions; coreApiHook.ts points that name to this file.
 */
import type { FunctionMetadata, InvocationRequest, InvocationResponse } from './rpc.ts';

export const version = '3.9.1';

export type Handler = (...args: unknown[]) => unknown;
export type Hook = (context: Record<string, unknown>) => unknown;

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly handler: Handler;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: Handler): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface CoreContext {
  readonly invocationId: string;
  readonly request: InvocationRequest;
  readonly metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks';
  log(level: string, category: string, message: string): void;
}

export interface ProgrammingModel {
  getInvocationModel(context: CoreContext): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

const HOOK_NAMES = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'];

/** What the app has registered so far. Function names are unique, whatever their case. */
export const registry = {
  model: undefined as ProgrammingModel | undefined,
  functions: new Map<string, RegisteredFunction>(),
  hooks: new Map<string, Hook[]>(HOOK_NAMES.map((name) => [name, []])),
  log: (level: string, message: string): void => console.error(`${level}: ${message}`),
};

export function setProgrammingModel(model: ProgrammingModel): void {
  registry.model = model;
}

export function getProgrammingModel(): ProgrammingModel | undefined {
  return registry.model;
}

export function registerFunction(metadata: FunctionMetadata, handler: Handler): { dispose(): void } {
  const key = metadata.name.toLowerCase();
  if (registry.functions.has(key)) {
    throw new Error(`A function with name "${metadata.name}" has already been registered.`);
  }
  registry.functions.set(key, { metadata, handler });
  return { dispose: () => void registry.functions.delete(key) };
}

export function registerHook(name: string, hook: Hook): { dispose(): void } {
  const hooks = registry.hooks.get(name);
  if (hooks === undefined) throw new RangeError(`Unrecognized hook "${name}".`);
  hooks.push(hook);
  return {
    dispose: () => {
      const at = hooks.indexOf(hook);
      if (at >= 0) hooks.splice(at, 1);
    },
  };
}

export function log(level: string, _category: string, message: string): void {
  registry.log(level, message);
}
