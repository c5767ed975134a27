import type { ExecutionContext } from 'ava';
import {
  compareVersions,
  formatVersion,
  NO_VERSION,
  parseVersion,
  type Version,
} from '#protocol/twin.js';
import { Load } from '../load.js';
import { eventually, Site } from '../site.js';
import type { SiteGateway } from '../site-gateway.js';
import { COUNTERS, countersDocument, DEVICE, hubTwin } from './counters.js';
import { ALARM_WITHIN_MS, type Seen } from './disk.js';

const WRITERS = 4;
const NOTE = `devices/${DEVICE}/properties/note/desired`;

/** A hub whose data folder is given, a gateway, and operators who wear the hub's disk. */
export class HubOnDisk {
  readonly site: Site;
  readonly #gateway: SiteGateway;
  readonly #load: Load;
  /** The highest version that the hub accepted, and how often it did and did not. */
  #accepted = NO_VERSION;
  #acceptances = 0;
  #refusals = 0;
  #running = true;
  #next = 0;
  #writers: Promise<void>[] = [];

  private constructor(site: Site, gateway: SiteGateway) {
    this.site = site;
    this.#gateway = gateway;
    this.#load = new Load(gateway.broker, DEVICE);
  }

  static async start(hubData: string): Promise<HubOnDisk> {
    const site = await Site.startHubOnly(hubData);
    try {
      const gateway = await site.join('gw-0', countersDocument());
      await gateway.start();
      const bench = new HubOnDisk(site, gateway);
      await eventually(
        'the hub knows the device',
        () => hubTwin(site),
        () => true,
      );
      return bench;
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  wear(): void {
    this.#load.start(COUNTERS, 20);
    this.#writers = Array.from({ length: WRITERS }, () => this.#write());
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#writers);
    await this.#load.stop();
    await this.#gateway.program?.stop();
    await this.site.stop();
  }

  async working(): Promise<void> {
    const before = this.#acceptances;
    await eventually(
      'desired values are accepted',
      () => Promise.resolve(this.#acceptances),
      (now) => now > before + 10,
    );
  }

  async alarmed(t: ExecutionContext): Promise<void> {
    const before = this.#refusals;
    await eventually(
      'a desired value is refused',
      () => Promise.resolve(this.#refusals),
      (now) => now > before,
      120_000,
    );
    const refused = performance.now();
    const { alarms } = await eventually(
      'the alarm is shown',
      () => this.#health(),
      ({ status }) => status === 'failing',
    );
    const ms = performance.now() - refused;
    const metrics = await (await fetch(`${this.site.apiUrl}/metrics`)).text();
    t.regex(metrics, /^edgetwin_hub_storage_alarm 1$/m);
    t.true(ms < ALARM_WITHIN_MS, `the alarm came after ${ms} ms`);
    t.log(`alarm ${ms.toFixed(0)} ms after the first refusal: ${alarms[0]?.message ?? ''}`);
  }

  /** Its local clients are answered, and what the hub cannot take waits. */
  async gatewayWorks(t: ExecutionContext): Promise<void> {
    const before = this.#load.count;
    await eventually(
      'local updates are acknowledged, and wait',
      async () => ({
        count: this.#load.count,
        unsent: (await this.#gateway.get<Seen>('status')).hub.unsent,
      }),
      ({ count, unsent }) => count > before + 20 && unsent > 0,
    );
    t.pass();
  }

  /** The hub accepts again, and has everything of the gateway, without anybody's help. */
  async recovered(t: ExecutionContext): Promise<void> {
    const from = performance.now();
    await eventually(
      'the alarm ends',
      () => this.#health(),
      ({ status }) => status === 'ok',
      120_000,
    );
    await this.working();
    const ms = performance.now() - from;
    const seen = await this.#reported();
    await eventually(
      'the hub follows the gateway again',
      () => this.#reported(),
      (now) => now > seen,
      120_000,
    );
    t.log(`well again after ${ms.toFixed(0)} ms`);
  }

  /** What was accepted is there, right after the start. */
  async holds(t: ExecutionContext): Promise<void> {
    const accepted = this.#accepted;
    const { properties } = await hubTwin(this.site);
    const version = properties.find(({ name }) => name === 'note')?.desired?.version ?? '';
    t.true(
      compareVersions(parseVersion(version) ?? NO_VERSION, accepted) >= 0,
      `${version}, ${formatVersion(accepted)} was accepted`,
    );
  }

  async #reported(): Promise<number> {
    const { properties } = await hubTwin(this.site);
    return Number(properties.find(({ name }) => name === 'a')?.reported?.value ?? 0);
  }

  async #health(): Promise<{ status: string; alarms: { message: string }[] }> {
    const response = await fetch(`${this.site.apiUrl}/healthz`);
    return (await response.json()) as { status: string; alarms: { message: string }[] };
  }

  async #write(): Promise<void> {
    while (this.#running) {
      const value = `${++this.#next} ${'x'.repeat(7_000)}`;
      try {
        const { status, body } = await this.site.request(NOTE, { method: 'PUT', body: { value } });
        const { version = '' } = (body['desired'] ?? {}) as { version?: string };
        if (status < 300) this.#heard(parseVersion(version) ?? NO_VERSION);
        else this.#refusals++;
        if (status < 300) continue;
      } catch {
        // The hub is away for a moment.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #heard(version: Version): void {
    this.#acceptances++;
    if (compareVersions(version, this.#accepted) > 0) this.#accepted = version;
  }
}
