import { silentLog } from '#protocol/log.js';
import type { AnnounceRow, StateRow, SyncMessage, Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { LocalQueue, Uplink } from '../devicetwin/twin-event.js';
import { Invariants } from '../invariants.js';
import type { HelloFacts, SyncEffect, SyncEvent } from './sync-event.js';
import { SyncMachine } from './sync-machine.js';

export const LIFE = { gen: 1, n: 1 };
export const FACTS: HelloFacts = {
  boot: 'b000000000000001',
  identity: {
    lineage: 'a000000000000001',
    gen: 1,
    lastEpoch: 4,
    hubLineage: '',
    hubBoots: [],
    maxDesired: 0,
  },
  state: { value: 100, forks: [] },
  samples: { value: 0, forks: [] },
  software: 'test',
};

export function row(property: string, n: number, more: Partial<StateRow> = {}): StateRow {
  const base = { device: 'default/tap', incarnation: LIFE, quality: 'good', timestamp: 0 } as const;
  return { ...base, property, n, value: n, desiredVersion: NO_VERSION, ...more };
}

export function local(n: number): LocalQueue['writes'][number] {
  const lid = { gen: 1, n };
  return { lid, base: NO_VERSION, chainStart: lid, value: n, actor: 'cli' };
}

export const ANNOUNCED: AnnounceRow = {
  device: 'default/tap',
  incarnation: LIFE,
  n: 1,
  description: null,
};

/** The gateway's end alone, driven by hand: what it sends, and its other effects. */
export class Machine {
  machine = new SyncMachine(new Invariants(silentLog, true));
  now = 1000;
  sent: SyncMessage[] = [];
  others: Exclude<SyncEffect, { kind: 'send' }>[] = [];

  step(event: SyncEvent): this {
    this.sent = [];
    this.others = [];
    for (const effect of this.machine.step(event, this.now))
      if (effect.kind === 'send') this.sent.push(effect.message);
      else this.others.push(effect);
    return this;
  }

  hear(message: SyncMessage): this {
    return this.step({ kind: 'message', message });
  }

  durable(uplink: Partial<Uplink>, whole = false): this {
    const full = { announcements: [], rows: [], locals: [], ...uplink };
    return this.step({ kind: 'durable', uplink: full, whole });
  }

  pass(ms: number): this {
    this.now += ms;
    return this.step({ kind: 'tick' });
  }

  commit(): this {
    const apply = this.others.find((effect) => effect.kind === 'apply');
    return this.step({ kind: 'committed', token: apply?.token ?? -1 });
  }

  live(): this {
    this.step({ kind: 'connected', facts: FACTS });
    this.hear(WELCOME);
    this.commit();
    return this;
  }

  ack(id: number, rejects: { row: number; code: string }[] = []): this {
    return this.hear({ kind: 'ack', epoch: 5, id, rejects });
  }

  get undelivered(): unknown[] {
    return this.others.flatMap((effect) =>
      effect.kind === 'care' && effect.event.kind === 'undelivered' ? effect.event.letters : [],
    );
  }

  get kinds(): string[] {
    return this.sent.map(({ kind }) => kind);
  }

  get rows(): string[] {
    return this.sent.flatMap((message) =>
      message.kind === 'state' ? message.rows.map(({ property, n }) => `${property}${n}`) : [],
    );
  }

  get id(): number {
    const message = this.sent.find(({ kind }) => kind === 'state' || kind === 'announce');
    return message !== undefined && 'id' in message ? message.id : 0;
  }
}

export const WELCOME: Welcome = {
  kind: 'welcome',
  epoch: 5,
  lineage: 'a000000000000001',
  gen: 1,
  fork: false,
  resync: false,
  known: { state: 50, samples: 0 },
  hubLineage: 'c000000000000001',
  hubGen: 1,
  hubBoot: 'd000000000000001',
  adopt: false,
  protocol: 1,
  features: [],
  messageBytes: 65536,
  monotonicMs: 0,
};
