import { Link } from '../link.js';
import { flagsOf } from '../bundle.js';
import { EDGETWIN } from '../programs.js';
import { eventually, Site } from '../site.js';
import type { SiteGateway } from '../site-gateway.js';
import { here, isInstalled } from './broker-peers.js';
import { pause, processUsage } from './process-figures.js';
import {
  atPace,
  deviceName,
  DEVICES,
  placeOf,
  PROPERTIES,
  propertyName,
  publishAll,
  update,
  type SyncLoad,
} from './sync-load.js';
import { MqttPeer } from './sync-mqtt.js';
import type { BenchOptions, BenchResult } from './table.js';

const ALL = DEVICES * PROPERTIES;
/** Up and down together, of an update at 10 per second. */
const BUDGET_BYTES = 40;
/** Keep-alives and digests of a quiet session would be counted otherwise. */
const SETTLE_MS = 4_000;

function loadsOf(quick: boolean): readonly SyncLoad[] {
  const share = quick ? 3 : 1;
  return [
    { perSecond: 1, properties: ALL, seconds: 30 / share },
    { perSecond: 10, properties: ALL, seconds: 24 / share },
    { perSecond: 100, properties: ALL, seconds: 12 / share },
    { perSecond: 10, properties: 1, seconds: 30 / share },
    { perSecond: 100, properties: 10, seconds: 12 / share },
  ];
}

type Row = BenchResult['rows'][number];

/** What an update costs on the link: bytes of the TCP connection, TLS and framing included. */
export async function run({ quick = false }: BenchOptions): Promise<readonly BenchResult[]> {
  const loads = loadsOf(quick);
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const packed of [true, false]) {
    const bench = await SyncBench.start(packed);
    try {
      for (const load of loads) rows.push(await bench.up(load));
      for (const load of loads.slice(0, 3)) rows.push(await bench.down(load));
    } finally {
      await bench.stop();
    }
  }
  if (isInstalled('mosquitto')) {
    const peer = await MqttPeer.start();
    try {
      for (const load of loads.slice(0, 3)) rows.push(await peer.measure(load));
    } finally {
      await peer.stop();
    }
  } else notes.push('mosquitto is absent: no MQTT beside it');
  const { payload } = update(1, ALL);
  rows.sort((a, b) => order(a) - order(b));
  return [
    {
      title: `sync: bytes of the TCP connection per update (${payload.length} bytes of JSON), window 1 s`,
      rows,
      notes: [
        'up: values reported over local MQTT; down: desired values set over REST',
        'CPU of the gateway includes its broker and its journal; of the hub, REST and its journal',
        ...notes,
      ],
    },
  ];
}

function order(row: Row): number {
  return (
    (row['way'] === 'up' ? 0 : 1e6) + Number(row['updates/s']) * 1e3 - Number(row['properties'])
  );
}

/** A hub and a gateway as they ship, with a link between them that counts. */
class SyncBench {
  readonly #site: Site;
  readonly #gateway: SiteGateway;
  readonly #link: Link;
  readonly #packed: boolean;

  private constructor(site: Site, gateway: SiteGateway, link: Link, packed: boolean) {
    this.#site = site;
    this.#gateway = gateway;
    this.#link = link;
    this.#packed = packed;
  }

  static async start(packed: boolean): Promise<SyncBench> {
    const site = await Site.startHubOnly();
    try {
      const link = await Link.open('127.0.0.1:0', site.hub?.address('listen') ?? '');
      const gateway = await site.join('gw-0', devices(), { hub: `wss://${link.address}` });
      const plain = packed ? [] : ['--import', here('without-dictionaries.js')];
      await gateway.start({ execArgv: [...flagsOf(EDGETWIN), ...plain] });
      const bench = new SyncBench(site, gateway, link, packed);
      const touch = { perSecond: 200, properties: ALL, seconds: 1 };
      await publishAll(bench.#broker, {}, touch, () => Promise.resolve());
      return bench;
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  get #broker(): string {
    return `mqtt://${this.#gateway.broker}`;
  }

  async stop(): Promise<void> {
    await this.#gateway.program?.stop();
    await this.#link.close();
    await this.#site.stop();
  }

  up(load: SyncLoad): Promise<Row> {
    return this.#measured(load, 'up', (began) => publishAll(this.#broker, {}, load, began));
  }

  down(load: SyncLoad): Promise<Row> {
    return this.#measured(load, 'down', async (began) => {
      await began();
      const under: Promise<unknown>[] = [];
      const updates = await atPace(load, (nth) => {
        const { device, property } = placeOf(nth % load.properties);
        const path = `devices/${device}/properties/${property}/desired`;
        const value = Number((2_000 + 300 * Math.sin(nth / 7)).toFixed(1));
        under.push(this.#site.request(path, { method: 'PUT', body: { value } }));
      });
      await Promise.all(under);
      return updates;
    });
  }

  async #measured(
    load: SyncLoad,
    way: 'up' | 'down',
    work: (began: () => Promise<void>) => Promise<number>,
  ): Promise<Row> {
    await this.#quiet();
    await pause(SETTLE_MS);
    let before = this.#figures();
    const updates = await work(() => {
      before = this.#figures();
      return Promise.resolve();
    });
    await this.#quiet();
    const after = this.#figures();
    const [sender, receiver] =
      way === 'up' ? (['gateway', 'hub'] as const) : (['hub', 'gateway'] as const);
    const per = (field: 'up' | 'down'): number => (after[field] - before[field]) / updates;
    const cpu = (end: 'gateway' | 'hub'): number =>
      ((after[end].cpuMs - before[end].cpuMs) * 1000) / updates;
    return {
      'updates/s': load.perSecond,
      properties: load.properties,
      way,
      with: this.#packed ? 'edgetwin' : 'edgetwin, no dictionary',
      'up B': per('up'),
      'down B': per('down'),
      'sum B': per('up') + per('down'),
      'budget B': way === 'up' && this.#packed && load.perSecond === 10 ? BUDGET_BYTES : '',
      'sender CPU us': cpu(sender),
      'receiver CPU us': cpu(receiver),
      'sender RSS MB': after[sender].rssMb,
    };
  }

  #figures() {
    return {
      ...this.#link.bytes,
      gateway: processUsage(this.#gateway.program?.pid ?? 0),
      hub: processUsage(this.#site.hub?.pid ?? 0),
    };
  }

  /** Everything is acknowledged. */
  async #quiet(): Promise<void> {
    await eventually(
      'nothing unsent',
      () => this.#gateway.get<{ hub: { connected: boolean; unsent: number } }>('status'),
      ({ hub }) => hub.connected && hub.unsent === 0,
    );
  }
}

function devices(): string {
  const names = Array.from({ length: PROPERTIES }, (_, index) => propertyName(index));
  const model = {
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'DeviceModel',
    metadata: { name: 'bench' },
    spec: { properties: names.map((name) => ({ name, type: 'FLOAT', accessMode: 'ReadWrite' })) },
  };
  const all = Array.from({ length: DEVICES }, (_, index) => ({
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'Device',
    metadata: { name: deviceName(index) },
    spec: {
      deviceModelRef: { name: 'bench' },
      protocol: { protocolName: 'mqtt' },
      properties: names.map((name) => ({ name })),
    },
  }));
  return [model, ...all].map((document) => JSON.stringify(document)).join('\n---\n');
}
