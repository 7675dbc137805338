/** Adds a function's input bindings to what its trigger brings, and refuses bindings that are not there. */
import type { FunctionWorker } from './functionWorker.ts';
import type { InvocationRequest, InvocationResponse, TypedData } from './rpc.ts';
import { triggerOf } from './rpc.ts';

const TRIGGERS = new Set(['httptrigger', 'timertrigger', 'activitytrigger', 'orchestrationtrigger']);

export type Invoke = (
  functionName: string,
  request: InvocationRequest,
  invocationId?: string,
) => Promise<InvocationResponse>;

/** Throws when a function has a trigger or a binding that the local host does not have. */
export function createInvoker(worker: FunctionWorker, durableClientInput: string): Invoke {
  const inputs = new Map<string, { readonly name: string; readonly data: TypedData }[]>();
  for (const fn of worker.functions) {
    const { name: functionName, bindings, retryOptions } = fn;
    const trigger = triggerOf(fn);
    if (!TRIGGERS.has(trigger.binding.type.toLowerCase()))
      throw unsupported(functionName, trigger.binding.type);
    if (retryOptions !== undefined && retryOptions !== null) throw unsupported(functionName, 'retry');
    const extra = [];
    for (const [name, binding] of Object.entries(bindings)) {
      if (name === trigger.name || binding.type === 'http') continue;
      if (binding.type !== 'durableClient') throw unsupported(functionName, binding.type);
      extra.push({ name, data: { string: durableClientInput } });
    }
    inputs.set(functionName, extra);
  }
  return (functionName, request, invocationId) =>
    worker.invoke(
      functionName,
      { ...request, inputData: [...request.inputData, ...(inputs.get(functionName) ?? [])] },
      invocationId,
    );
}

function unsupported(functionName: string, type: string): Error {
  return new Error(`The function '${functionName}' uses '${type}', which the local host does not support.`);
}
