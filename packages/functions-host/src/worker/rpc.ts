/**
 * The shapes that cross between host and worker (the subset of the Functions RPC protocol that HTTP, timer
 * and durable triggers use), and what the module `@azure/functions-core` gives to the libraries.
 */

export interface TypedData {
  string?: string | null;
  json?: string | null;
  bytes?: Uint8Array | null;
  int?: number | null;
  double?: number | null;
  http?: RpcHttp | null;
}

interface NullableString {
  readonly value: string;
}

export interface RpcHttp {
  method?: string;
  url?: string;
  nullableHeaders?: Record<string, NullableString>;
  nullableParams?: Record<string, NullableString>;
  nullableQuery?: Record<string, NullableString>;
  headers?: Record<string, string>;
  cookies?: RpcCookie[];
  body?: TypedData | null;
  statusCode?: string;
}

export interface RpcCookie {
  name?: string;
  value?: string;
  domain?: { value?: string | null } | null;
  path?: { value?: string | null } | null;
  expires?: { value?: unknown } | null;
  secure?: { value?: boolean | null } | null;
  httpOnly?: { value?: boolean | null } | null;
  sameSite?: string | number | null;
  maxAge?: { value?: number | null } | null;
}

export interface Binding {
  readonly type: string;
  readonly name?: string;
  readonly direction?: string;
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Of the function itself, not of an activity's call. */
  readonly retryOptions?: unknown;
}

/** https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  readonly traceParent: string;
  readonly traceState?: string;
}

export interface InvocationRequest {
  /** Of the HTTP request, where it has one; the real host begins a trace where there is none. */
  readonly traceContext?: TraceContext;
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
}

/** What a function threw; only this much of it crosses to the host. */
export interface RemoteError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** What the thread is started with. */
export interface ThreadData {
  /** Absolute path of the app's module. */
  readonly entry: string;
  readonly functionTimeoutMs: number;
}

export type ToWorker =
  | {
      readonly type: 'invoke';
      readonly invocationId: string;
      readonly functionName: string;
      readonly request: InvocationRequest;
    }
  | {
      /** The app is about to end: its `appTerminate` hooks run. */
      readonly type: 'terminate';
    };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly functions: readonly FunctionMetadata[];
      readonly capabilities: Readonly<Record<string, string>>;
    }
  | { readonly type: 'failed'; readonly error: RemoteError }
  | { readonly type: 'terminated' }
  | { readonly type: 'returned'; readonly invocationId: string; readonly response: InvocationResponse }
  | { readonly type: 'threw'; readonly invocationId: string; readonly error: RemoteError }
  | { readonly type: 'log'; readonly level: string; readonly message: string };

/** The trigger of a function: its binding name and the binding itself. */
export function triggerOf(metadata: FunctionMetadata): { readonly name: string; readonly binding: Binding } {
  for (const [name, binding] of Object.entries(metadata.bindings)) {
    if (/trigger$/i.test(binding.type)) return { name, binding };
  }
  throw new Error(`The function '${metadata.name}' has no trigger.`);
}
