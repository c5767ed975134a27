import { Agent, get } from 'node:http';
import type { ExecutionContext } from 'ava';
import type { DeviceDocument } from '#protocol/twin-document.js';
import { Load } from '../load.js';
import type { Program } from '../programs.js';
import { eventually, Site } from '../site.js';
import type { SiteGateway } from '../site-gateway.js';
import { COUNTERS, countersDocument, DEVICE, TEXTS } from './counters.js';
import { meterDocuments, startMeter } from './meter.js';

/** How long a person waits at most for the alarm, after the first refusal. */
export const ALARM_WITHIN_MS = 10_000;

/** What these tests read of a gateway's status. */
export interface Seen {
  readonly store: { readonly alarm?: { readonly code: string; readonly message: string } };
  readonly hub: { readonly unsent: number };
  readonly mappers: readonly { readonly counters: Readonly<Record<string, number>> }[];
}

/**
 * A hub, and a gateway whose data folder is `dataDir`: with a Modbus meter, and local clients that
 * wear the disk and remember what was acknowledged.
 */
export class GatewayOnDisk {
  readonly site: Site;
  readonly gateway: SiteGateway;
  readonly load: Load;
  readonly #meter: Program;
  /** Kept open, as a monitor does: it needs no new descriptor. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(site: Site, gateway: SiteGateway, load: Load, meter: Program) {
    this.site = site;
    this.gateway = gateway;
    this.load = load;
    this.#meter = meter;
  }

  /** By default with a data folder that nothing happens to. */
  static async start(dataDir?: string): Promise<GatewayOnDisk> {
    const [site, meter] = await Promise.all([Site.startHubOnly(), startMeter()]);
    try {
      const devices = [countersDocument(), await meterDocuments(meter)].join('\n---\n');
      const more = dataDir === undefined ? {} : { dataDir };
      const gateway = await site.join('gw-0', devices, more);
      await gateway.start();
      const load = new Load(gateway.broker, DEVICE);
      return new GatewayOnDisk(site, gateway, load, meter);
    } catch (error) {
      await Promise.all([site.stop(), meter.stop()]);
      throw error;
    }
  }

  /** About a megabyte a second. */
  wear(): void {
    this.load.start(COUNTERS, 20);
    this.load.start(TEXTS, 40, 7_000);
  }

  /** The local clients are being answered. */
  async working(): Promise<void> {
    const { count } = this.load;
    await eventually(
      'updates are acknowledged',
      () => Promise.resolve(this.load.count),
      (now) => now > count + 10,
    );
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.gateway.program?.stop();
    await this.#meter.stop();
    await this.site.stop();
    this.#agent.destroy();
  }

  async status(): Promise<Seen> {
    return JSON.parse(await this.#ask('/api/v1/status')) as Seen;
  }

  #ask(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const url = `http://${this.gateway.api}${path}`;
      const request = get(url, { agent: this.#agent, timeout: 5_000 }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => {
          resolve(text);
        });
      });
      request.once('error', reject);
      request.once('timeout', () => request.destroy(new Error('no answer')));
    });
  }

  /** Waits for the first refusal, then for the alarm; milliseconds between them. */
  async alarmed(t: ExecutionContext): Promise<number> {
    const { closed } = this.load;
    await eventually(
      'an update is refused',
      () => Promise.resolve(this.load.closed),
      (now) => now > closed,
      120_000,
    );
    const refused = performance.now();
    const { store } = await eventually(
      'the alarm is shown',
      () => this.status(),
      (seen) => seen.store.alarm !== undefined,
    );
    const ms = performance.now() - refused;
    t.is(store.alarm?.code, 'EDGE_STORAGE');
    // Their first page loads a library, which takes descriptors: where there are none it comes late.
    await eventually(
      'the metrics show it',
      () => this.#ask('/metrics'),
      (text) => /^edgetwin_store_alarm 1$/m.test(text),
    );
    t.true(ms < ALARM_WITHIN_MS, `the alarm came after ${ms} ms`);
    t.log(`alarm ${ms.toFixed(0)} ms after the first refusal: ${store.alarm?.message ?? ''}`);
    return ms;
  }

  /** Unaided; milliseconds until the alarm is over and an update is acknowledged. */
  async recovered(t: ExecutionContext): Promise<number> {
    const from = performance.now();
    await eventually(
      'the alarm ends',
      () => this.status(),
      (seen) => seen.store.alarm === undefined,
      120_000,
    );
    await this.working();
    const ms = performance.now() - from;
    t.log(`well again after ${ms.toFixed(0)} ms`);
    return ms;
  }

  /** Polls go on, and local clients of topics of their own hear each other. */
  async stillServes(t: ExecutionContext): Promise<void> {
    const polls = async (): Promise<number> =>
      Object.values((await this.status()).mappers[0]?.counters ?? {}).reduce((a, b) => a + b, 0);
    const before = await polls();
    await eventually('the meter is polled', polls, (now) => now > before);
    t.true(await chat(this.gateway.broker), 'local clients hear each other');
  }

  /** No lie: what was acknowledged is there, right after the start. */
  async holds(t: ExecutionContext, acknowledged: ReadonlyMap<string, number>): Promise<void> {
    const { properties } = await this.gateway.get<DeviceDocument>(`devices/${DEVICE}`);
    for (const [name, least] of acknowledged) {
      const text = JSON.stringify(
        properties.find((property) => property.name === name)?.reported?.value,
      );
      const value = Number.parseInt(text.replace('"', ''), 10);
      t.true(value >= least, `${name}: ${value} of ${least} after ${text.slice(0, 9)}`);
    }
  }
}

/** One client publishes at QoS 0, another hears it. */
async function chat(broker: string): Promise<boolean> {
  const { connectAsync } = await import('mqtt');
  const client = await connectAsync(`mqtt://${broker}`, { connectTimeout: 5_000 });
  const heard = new Promise<boolean>((resolve) => {
    client.once('message', () => {
      resolve(true);
    });
    setTimeout(resolve, 5_000, false).unref();
  });
  await client.subscribeAsync('site/chat');
  await client.publishAsync('site/chat', 'hello');
  const result = await heard;
  await client.endAsync(true);
  return result;
}
