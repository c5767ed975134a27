import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { isExpiry, readChain, type Transport } from '#tunnel/transport.js';
import type { Care } from '../alarms/dead-letter.js';
import type { DeviceTwin } from '../devicetwin/device-twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { GatewayStatus } from '../metaserver/status.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import type { Channel } from './channel.js';
import { EdgeHub } from './edge-hub.js';
import { hubTime } from './hub-time.js';
import { loadIdentity } from './join.js';
import { JOIN_LIMITS } from './join-limits.js';
import { Renewal } from './renewal.js';

export interface UplinkOptions {
  readonly meta: MetaStore;
  readonly twins: DeviceTwin;
  readonly transport: Transport;
  readonly dataDir: string;
  /** Overrides the hub's address that joining has kept. */
  readonly hub?: string | undefined;
  readonly syncWindowMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly software: string;
  /** Why the last configuration that worked is in force. */
  readonly fallback?: string | undefined;
  /** Hears of what a person may have to do. */
  readonly care: Care;
  /** The authority of the hub said what time it is, milliseconds since 1970. */
  readonly onTime?: (wallMs: number) => void;
  /** What a session carries beside twins. */
  readonly channels: readonly Channel[];
}

/**
 * EdgeHub from the moment this gateway has an identity. A gateway that has not joined serves its
 * devices locally and looks for its identity now and then, so that joining needs no restart.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #log: Log;
  #edgeHub: EdgeHub | undefined;
  #renewal: Renewal | undefined;
  #look: Timer | undefined;
  #stopped = false;
  #timeAskedAtMs = -Infinity;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#log = options.log.child('edgehub');
  }

  /** Rejects with EDGE_CERTIFICATE when there is an identity that cannot be used. */
  async start(): Promise<void> {
    if (await this.#dial()) return;
    this.#log.warn('not-joined', { hint: 'Run `edgetwin join --token TOKEN`; it is picked up.' });
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#look?.cancel();
    this.#renewal?.stop();
    await this.#edgeHub?.stop();
  }

  status(): GatewayStatus['hub'] {
    if (this.#edgeHub !== undefined) return { epoch: 0, ...this.#edgeHub.status() };
    const { hub = '', transport } = this.#options;
    return {
      ...{ connected: false, epoch: 0, since: 0, transport: transport.name, url: hub },
      ...{ unsent: 0, inFlight: 0, reconnects: 0 },
      lastError: { code: 'EDGE_CERTIFICATE', message: 'this gateway has not joined a hub yet' },
    };
  }

  async #dial(): Promise<boolean> {
    const { dataDir, hub, ...options } = this.#options;
    const joined = await loadIdentity(dataDir);
    if (joined === undefined || this.#stopped) return false;
    const url = hub ?? joined.hub;
    const { identity } = joined;
    let { authorities } = identity;
    const onFailed = (error: EdgeError): void => {
      if (error.code === 'EDGE_UNAUTHENTICATED') this.#renewal?.refused();
      if (isExpiry(error)) this.#askTime(url, authorities);
    };
    const edgeHub = new EdgeHub({ ...options, url, identity, onFailed });
    this.#edgeHub = edgeHub;
    edgeHub.start();
    const { clock, random } = options;
    const { certificate } = identity;
    const renewal = { dataDir, hub, certificate, clock, random, log: this.#log };
    this.#renewal = new Renewal(renewal, (next) => {
      ({ authorities } = next);
      edgeHub.setIdentity(next);
    });
    this.#renewal.start();
    return true;
  }

  /** The hub's certificate seems to have expired: either it has, or this machine's clock is wrong. */
  #askTime(hub: string, authorities: readonly string[]): void {
    const { clock, random, onTime } = this.#options;
    if (clock.now() < this.#timeAskedAtMs + JOIN_LIMITS.timeLookMs) return;
    this.#timeAskedAtMs = clock.now();
    const trust = { roots: authorities.flatMap(readChain) };
    hubTime({ hub, trust }, clock, random).then(
      (wallMs) => {
        if (!this.#stopped) onTime?.(wallMs);
      },
      (error: unknown) => this.#log.warn('time-unknown', { error: EdgeError.from(error) }),
    );
  }

  #lookLater(): void {
    if (this.#stopped) return;
    this.#look = this.#options.clock.setTimer(
      'look-for-identity',
      GATEWAY_LIMITS.joinLookMs,
      () => {
        this.#dial().then(
          (done) => {
            if (!done) this.#lookLater();
          },
          (error: unknown) => {
            this.#log.error('identity-unusable', { error: EdgeError.from(error) });
            this.#lookLater();
          },
        );
      },
    );
  }
}
