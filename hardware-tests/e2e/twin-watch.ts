import { isDeepStrictEqual } from 'node:util';
import { EventStreamParser, type ServerEvent } from '#protocol/event-stream.js';
import { compareVersions, NO_VERSION, parseVersion } from '#protocol/twin.js';
import type { DeviceDocument, PropertyDocument } from '#protocol/twin-document.js';
import type { Site } from '../site.js';

/**
 * Follows the hub's watch API over every death of the hub, and judges what a person would see: no
 * event twice on a connection, no version ever going back, one value per version for ever.
 */
export class TwinWatch {
  /** What must never be seen, in words. */
  readonly breaches: string[] = [];
  events = 0;
  connections = 0;
  /** Different versions of reported values seen. */
  versions = 0;
  readonly #site: Site;
  readonly #newest = new Map<string, string>();
  readonly #values = new Map<string, unknown>();
  /** Of the present connection. */
  readonly #last = new Map<string, PropertyDocument>();
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;

  constructor(site: Site) {
    this.#site = site;
    this.#done = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  /** Also for what other interfaces show: every observer must agree on a version's value. */
  agree(device: string, { name, reported, desired }: PropertyDocument): void {
    for (const [side, seen] of [
      ['reported', reported],
      ['desired', desired],
    ] as const) {
      if (seen === undefined) continue;
      const key = `${device} ${name} ${side} ${seen.version}`;
      const { value } = seen;
      if (!this.#values.has(key)) this.#values.set(key, value);
      else if (!isDeepStrictEqual(this.#values.get(key), value))
        this.#breach(`${key}: ${JSON.stringify([this.#values.get(key), value])}`);
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#connection();
      } catch {
        // The hub is away: that is what these tests do to it.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #connection(): Promise<void> {
    const response = await fetch(`${this.#site.apiUrl}/api/v1/watch`, {
      headers: { authorization: `Bearer ${this.#site.operator}` },
      signal: this.#stopped.signal,
    });
    if (response.status !== 200 || response.body === null) return;
    this.connections++;
    this.#last.clear();
    const parser = new EventStreamParser();
    const text = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      for (const event of parser.push(text.decode(chunk, { stream: true }))) this.#take(event);
  }

  #take({ event, data }: ServerEvent): void {
    this.events++;
    if (event === 'snapshot')
      for (const device of (data as { devices: DeviceDocument[] }).devices) this.#device(device);
    else if (event === 'device') this.#device(data as DeviceDocument);
    else if (event === 'property') {
      const { device, property } = data as { device: string; property: PropertyDocument };
      const before = this.#last.get(`${device} ${property.name}`);
      if (before !== undefined && isDeepStrictEqual(ageless(before), ageless(property)))
        this.#breach(`twice: ${device} ${JSON.stringify(property)}`);
      this.#property(device, property);
    }
  }

  #device({ id, properties }: DeviceDocument): void {
    for (const property of properties) this.#property(id, property);
  }

  #property(device: string, property: PropertyDocument): void {
    this.agree(device, property);
    this.#last.set(`${device} ${property.name}`, property);
    for (const side of ['reported', 'desired'] as const) {
      const seen = property[side]?.version;
      if (seen === undefined) continue;
      const key = `${device} ${property.name} ${side}`;
      const before = this.#newest.get(key) ?? '0.0';
      const order = compareVersions(versionOf(seen), versionOf(before));
      if (order < 0) this.#breach(`${key} went back from ${before} to ${seen}`);
      if (order > 0 && side === 'reported') this.versions++;
      this.#newest.set(key, seen);
    }
  }

  #breach(what: string): void {
    if (this.breaches.length < 20) this.breaches.push(what);
  }
}

function versionOf(text: string): ReturnType<typeof parseVersion> & object {
  return parseVersion(text) ?? NO_VERSION;
}

function ageless({ ageMs: _, ...rest }: PropertyDocument): object {
  return rest;
}
