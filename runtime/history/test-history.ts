import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import type { Device } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Samples } from '#protocol/sync-message-samples.js';
import type { Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import { DeviceTwin } from '../devicetwin/device-twin.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { History } from './history.js';
import type { HistoryOptions } from './history.js';
import { SampleChannel } from './sample-channel.js';

export const METER: Device = {
  id: 'default/meter',
  model: 'meter',
  protocol: { protocolName: 'plant', configData: {} },
  properties: ['power', 'label'].map((name) => ({
    ...{ name, type: name === 'power' ? 'double' : 'string', access: 'ReadOnly' },
    ...{ reportCycleMs: 1000, collectCycleMs: 1000, reportToCloud: true },
    ...(name === 'power' ? { history: true } : {}),
  })),
};

/** For tests: a gateway's twins, history and sample stream on storage in memory. */
export class HistoryBench {
  readonly clock = new ManualClock();
  main = new MemoryStorage();
  folder = new MemoryStorage();
  meta!: MetaStore;
  twins!: DeviceTwin;
  history!: History;
  channel!: SampleChannel;
  ready = 0;

  async start(options: Partial<HistoryOptions> = {}): Promise<this> {
    const random = seededRandom(1);
    const ports = { clock: this.clock, random, log: silentLog };
    const store = await openStore<GatewayTables>(this.main, {
      ...ports,
      journalBytes: 2 * 1024 * 1024,
    });
    this.meta = await MetaStore.open(store, ports);
    this.history = await History.open({
      ...{ meta: this.meta, storage: this.folder, ...ports },
      ...{ blockRows: 32, blockBytes: 4096, ...options },
    });
    const { meta, history } = this;
    this.twins = new DeviceTwin({ meta, devices: [METER], history, ...ports });
    this.channel = new SampleChannel(history, meta, silentLog);
    this.channel.onReady(() => this.ready++);
    await settle();
    return this;
  }

  async report(...values: number[]): Promise<void> {
    const readings = values.map((value) => ({
      ...({ property: 'power', value, quality: 'good', appliedVersion: NO_VERSION } as const),
      timestamp: this.clock.wallTime(),
    }));
    await this.twins.report({ device: METER.id, readings });
    this.clock.advance(100);
  }

  begin(stored = 0, features: readonly string[] = ['samples']): void {
    this.channel.begin({ features, known: { state: 0, samples: stored } } as unknown as Welcome);
  }

  /** Everything that the channel has to send now. */
  async sent(stateWaits = false): Promise<Samples[]> {
    const messages: Samples[] = [];
    for (let idle = 0; idle < 3;) {
      const next = this.channel.next(1, this.clock.now(), stateWaits);
      if (next?.message.kind === 'samples') {
        messages.push(next.message);
        idle = 0;
      } else {
        idle++;
        await settle();
      }
    }
    return messages;
  }

  sack(stored: number): boolean {
    return this.channel.receive({ kind: 'sack', epoch: 1, stored }, this.clock.now());
  }
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 400; turn++) await Promise.resolve();
}

export function valuesOf(messages: readonly Samples[]): unknown[] {
  return messages.flatMap(({ rows }) => rows.map(({ value }) => value));
}
