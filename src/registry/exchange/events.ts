import type { Quota } from './quota.ts';

/** What the client tells its log. Hosts and paths only: no query string, no header, no token. */
export type RegistryEvent =
  | {
      readonly type: 'request';
      readonly method: string;
      readonly host: string;
      readonly path: string;
      readonly status: number;
    }
  | {
      readonly type: 'retry';
      readonly host: string;
      readonly what: string;
      readonly reason: string;
      readonly failures: number;
      readonly waitMs: number;
    }
  /** A layer goes on at `position`; `reread` bytes had to be received a second time to get there. */
  | {
      readonly type: 'resume';
      readonly host: string;
      readonly digest: string;
      readonly position: number;
      readonly reread: number;
    }
  | { readonly type: 'quota'; readonly host: string; readonly quota: Quota }
  | { readonly type: 'warning'; readonly host: string; readonly text: string };

export type Log = (event: RegistryEvent) => void;
