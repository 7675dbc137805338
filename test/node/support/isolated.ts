import { must, run } from '../../support/process.ts';
import type { System } from '../../support/system.ts';

export interface Isolated {
  /** `inner`, but in a network where there is only `gateway`. */
  readonly system: System;
  /** This machine's address at the other end of the only cable. */
  readonly gateway: string;
  close(): Promise<void>;
}

/** A network of its own with one cable to this machine and no route beyond: the node of a closed deployment. */
export async function isolate(inner: System): Promise<Isolated> {
  const name = `tic${process.pid}`;
  const subnet = `10.213.${process.pid % 250}`;
  const ip = (...args: string[]) => must(['ip', ...args]);
  await ip('netns', 'add', name);
  await ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
  await ip('address', 'add', `${subnet}.1/30`, 'dev', `${name}a`);
  await ip('link', 'set', `${name}a`, 'up');
  await ip('-n', name, 'address', 'add', `${subnet}.2/30`, 'dev', `${name}b`);
  await ip('-n', name, 'link', 'set', `${name}b`, 'up');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  const wrap: System['wrap'] = (argv, directories) => [
    // Not `ip netns exec`, which mounts a new /sys without the cgroups.
    ...['nsenter', `--net=/run/netns/${name}`],
    ...inner.wrap(argv, directories),
  ];
  return {
    system: { name: `${inner.name}, isolated`, wrap, run: (argv, options = {}) => run(wrap(argv), options) },
    gateway: `${subnet}.1`,
    // The cable goes with the network at its one end.
    close: async () => {
      await ip('netns', 'delete', name);
    },
  };
}
