import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Clock, Timer } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import type { Link } from '../link.js';
import { serialLink, type SerialSettings } from '../serial-port.js';
import { placesOf, type Place, type Player, type Skipped } from './simulated-places.js';
import type { Holdings, SimulatedFaults } from './slave.js';

export interface Simulation {
  /** Where the first place answers: `127.0.0.1:port` or the serial port. */
  readonly address: string;
  readonly units: readonly number[];
  readonly places: readonly ServedPlace[];
  /** Devices of the list that are not simulated. */
  readonly skipped: readonly Skipped[];
  /** Words by unit; changing them changes what the slave shows. */
  readonly holdings: ReadonlyMap<number, Holdings>;
  stop(): Promise<void>;
}

export interface ServedPlace extends Pick<Place, 'wire' | 'devices' | 'units'> {
  readonly address: string;
}

interface Ports {
  readonly clock: Clock;
  readonly random: Random;
}

/** Milliseconds between two sayings of a sensor that talks by itself. */
const TALK_MS = 1_000;

/**
 * Serves the devices of a list: Modbus devices as slaves by their unit, sensors by what their kind
 * says. On TCP each kind of wire, and each line of sensors, has a port of its own, from `tcpPort` on;
 * 0 takes free ones.
 */
export async function simulate(
  devices: readonly Device[],
  where: { readonly serial: SerialSettings } | { readonly tcpPort: number },
  faults: SimulatedFaults,
  ports: Ports,
): Promise<Simulation> {
  const { places, skipped, holdings } = await placesOf(devices, 'serial' in where);
  if (places.length === 0)
    throw new EdgeError('EDGE_CONFIG', `there is no device to simulate${told(skipped)}`, {
      hint: 'Name a file with Modbus devices, or with sensors of edgetwin mapper template list.',
    });
  const served: { readonly place: ServedPlace; readonly stop: () => Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(served.map((one) => one.stop()));
  };
  try {
    for (const place of places) {
      const { wire, devices: names, units } = place;
      const player = (): Player => place.player(faults, ports.random);
      const tcpPort = 'serial' in where || where.tcpPort === 0 ? 0 : where.tcpPort + served.length;
      const { address, stop: end } =
        'serial' in where
          ? await serveLine(where.serial, player(), faults, ports.clock)
          : await serveTcp(tcpPort, player, faults, ports.clock);
      served.push({ place: { wire, devices: names, units, address }, stop: end });
    }
  } catch (cause) {
    await stop();
    throw cause;
  }
  const all = served.map(({ place }) => place);
  const units = all.flatMap((place) => place.units);
  return { address: all[0]?.address ?? '', units, places: all, skipped, holdings, stop };
}

interface Served {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

async function serveTcp(
  tcpPort: number,
  player: () => Player,
  faults: SimulatedFaults,
  clock: Clock,
): Promise<Served> {
  const ends = new Set<() => void>();
  const server = createServer({ noDelay: true }, (socket) => {
    const send = (bytes: Uint8Array): unknown => socket.writable && socket.write(bytes);
    const voice = new Voice(player(), send, faults, clock);
    const end = (): void => {
      voice.end();
      socket.destroy();
      ends.delete(end);
    };
    ends.add(end);
    socket.on('error', end);
    socket.once('close', end);
    socket.on('data', (bytes) => voice.hear(bytes));
    voice.talk();
  });
  server.listen(tcpPort, '127.0.0.1');
  await once(server, 'listening').catch((cause: unknown) => {
    throw new EdgeError('EDGE_CONFIG', `cannot listen on 127.0.0.1:${tcpPort}`, {
      cause,
      hint: 'Name a port above 1023 with --tcp-port that nothing else listens on; 0 takes a free one.',
    });
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const end of ends) end();
      }),
  };
}

function serveLine(
  settings: SerialSettings,
  player: Player,
  faults: SimulatedFaults,
  clock: Clock,
): Promise<Served> {
  return new Promise((resolve, reject) => {
    const link: Link = serialLink(
      settings,
      clock,
    )({
      opened: () => {
        voice.talk();
        const stop = (): Promise<void> => {
          voice.end();
          return link.close();
        };
        resolve({ address: settings.port, stop });
      },
      received: (bytes) => voice.hear(bytes),
      closed: (cause) => {
        voice.end();
        reject(cause);
      },
    });
    const voice = new Voice(player, (bytes) => link.send(bytes), faults, clock);
  });
}

/** One player's answers and what it says by itself, late when it is told to be. */
class Voice {
  readonly #player: Player;
  readonly #send: (bytes: Uint8Array) => unknown;
  readonly #lateMs: number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    player: Player,
    send: (bytes: Uint8Array) => unknown,
    { lateMs }: SimulatedFaults,
    clock: Clock,
  ) {
    this.#player = player;
    this.#send = send;
    this.#lateMs = lateMs;
    this.#clock = clock;
  }

  hear(bytes: Uint8Array): void {
    this.#say(this.#player.receive(bytes));
  }

  /** From now on, each second. */
  talk(): void {
    if (this.#isOver || this.#player.talk === undefined) return;
    this.#say(this.#player.talk());
    this.#timer = this.#clock.setTimer('simulated sensor', TALK_MS, () => this.talk());
  }

  end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #say(replies: readonly Uint8Array[]): void {
    for (const reply of replies)
      if (this.#lateMs === 0) this.#send(reply);
      else this.#clock.setTimer('late answer', this.#lateMs, () => this.#send(reply));
  }
}

function told(skipped: readonly Skipped[]): string {
  return skipped.map(({ device, why }) => `; ${device}: ${why}`).join('');
}
