import type { TestFn } from 'ava';
import type { Clock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import type {
  MappedDevice,
  Mapper,
  MapperHost,
  Reading,
  WriteOutcome,
  WriteRequest,
} from '#protocol/mapper-port.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { sameVersion, type Version } from '#protocol/twin.js';
import type { Driver } from './driver.js';

/**
 * What every mapper must do, in this process or over MQTT, in any language: the rules of
 * mapper-port.ts and docs/sync-protocol.md section 4.4, as tests against a scripted device.
 */
export function mapperCompliance(test: TestFn, name: string, setup: ComplianceSetup): void {
  const compliance = (title: string, run: (scene: Scene) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      t.timeout(60_000);
      const device = new ScriptedDevice();
      const rig = await setup(device);
      try {
        await run({ device, rig, t });
      } finally {
        device.release();
        await rig.close();
      }
    });
  };

  compliance('reports what it reads, cycle after cycle', async ({ device, rig, t }) => {
    // A machine that is busy may miss a time-out of its first read.
    const isFirst = ({ property, quality }: Reading): boolean =>
      property === FAST && quality === 'good';
    const first = await heard(rig, isFirst);
    t.is(first.value, 10);
    t.true(sameVersion(first.appliedVersion, START_LABEL));
    device.values[FAST] = 11;
    t.is((await heard(rig, (reading) => reading.value === 11)).quality, 'good');
    await heard(rig, (reading) => reading.property === SLOW);
  });

  compliance('reads a property back after a write, under its version', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === SLOW);
    rig.desire(SLOW, 42, version(5));
    const back = await labelled(rig, SLOW, version(5));
    t.like(back, { value: 42, quality: 'good' });
    t.is(device.values[SLOW], 42);
  });

  compliance('never labels a reading that began before the write ended', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === FAST);
    device.hold();
    await until('a read is held', () => device.held > 0);
    rig.desire(FAST, 77, version(7));
    // Some mappers write beside the read, others after it: either way the held read is older.
    await either(() => device.writes.length > 0);
    device.release();
    t.is((await labelled(rig, FAST, version(7))).value, 77);
    for (const reading of rig.readings)
      if (reading.value === 10) t.false(sameVersion(reading.appliedVersion, version(7)));
  });

  compliance('says that a write was refused by what it reads back', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === FAST);
    device.refuses = true;
    rig.desire(FAST, 50, version(8));
    t.is((await labelled(rig, FAST, version(8))).value, 10);
  });

  compliance('calls silence bad, with a reason and no number, and recovers', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.quality === 'good');
    device.silent = true;
    const bad = await heard(rig, (reading) => reading.quality === 'bad');
    t.is(bad.value, null);
    t.regex(bad.reason ?? '', /^EDGE_DEVICE_/);
    const seen = rig.readings.length;
    device.silent = false;
    await until('good again', () =>
      rig.readings.slice(seen).some(({ quality }) => quality === 'good'),
    );
  });

  compliance('lets no reading claim a write that has not reached the device', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === FAST);
    device.silent = true;
    rig.desire(FAST, 60, version(9));
    await until('the write was tried again', () => device.writesBegun >= 2);
    const seen = rig.readings.length;
    await until('readings since', () => rig.readings.length >= seen + 2);
    t.false(rig.readings.some((reading) => sameVersion(reading.appliedVersion, version(9))));
    device.silent = false;
    t.is((await labelled(rig, FAST, version(9))).value, 60);
  });

  compliance('writes one value at a time and ends with the newest', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === FAST);
    rig.desire(SLOW, 1, version(20));
    rig.desire(FAST, 2, version(21));
    await labelled(rig, FAST, version(21));
    rig.desire(FAST, 3, version(22));
    t.is((await labelled(rig, FAST, version(22))).value, 3);
    await labelled(rig, SLOW, version(20));
    t.deepEqual(device.values, { [FAST]: 3, [SLOW]: 1 });
    t.is(device.writesAtOnceMax, 1);
  });

  compliance('stops while a read is under way, and says nothing after it', async (scene) => {
    const { device, rig, t } = scene;
    await heard(rig, (reading) => reading.property === FAST);
    device.hold();
    await until('a read is held', () => device.held > 0);
    await rig.stop();
    const said = rig.readings.length;
    device.release();
    await rig.settle();
    t.is(rig.readings.length, said);
  });
}

interface Scene {
  readonly device: ScriptedDevice;
  readonly rig: ComplianceRig;
  readonly t: {
    is: Assert;
    like: Like;
    true: Check;
    false: Check;
    regex: Match;
    deepEqual: Assert;
  };
}
type Assert = (actual: unknown, expected: unknown) => unknown;
type Like = (actual: unknown, expected: Record<string, unknown>) => unknown;
type Check = (actual: boolean) => unknown;
type Match = (actual: string, pattern: RegExp) => unknown;

/** Starts a mapper for `complianceDevice` in front of the scripted device. */
export type ComplianceSetup = (device: ScriptedDevice) => Promise<ComplianceRig>;

export interface ComplianceRig {
  /** What the runtime has received, in order. */
  readonly readings: readonly Reading[];
  /** Wants a value of the device, as the runtime does: tried again while the outcome says so. */
  desire(property: string, value: number, version: Version): void;
  /** Stops the mapper; resolves when it has stopped. */
  stop(): Promise<void>;
  /** Resolves when anything that was sent before has arrived. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Polled every few milliseconds. */
export const FAST = 'fast';
/** Polled once and then, by its cycle, not again during a test. */
export const SLOW = 'slow';
/** The label that both properties start from. */
export const START_LABEL: Version = { gen: 1, n: 3 };

const FAST_CYCLE_MS = 20;
const SLOW_CYCLE_MS = 3_600_000;
const PATIENCE_MS = 20_000;
const EITHER_MS = 300;
const LOOK_EVERY_MS = 2;

/** The device that every rig serves; `protocol` and `visitors` make it one of the rig's protocol. */
export function complianceDevice(
  protocol: Device['protocol'],
  visitors: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Device {
  const property = (name: string, cycleMs: number): Property => ({
    name,
    type: 'int',
    access: 'ReadWrite',
    minimum: 0,
    maximum: 1000,
    collectCycleMs: cycleMs,
    reportCycleMs: cycleMs,
    reportToCloud: true,
    visitor: { protocolName: protocol.protocolName, configData: visitors[name] ?? {} },
  });
  const properties = [property(FAST, FAST_CYCLE_MS), property(SLOW, SLOW_CYCLE_MS)];
  return { id: 'default/scripted', model: 'scripted', protocol, properties };
}

/** A device that does what a test says. */
export class ScriptedDevice {
  readonly values: Record<string, number> = { [FAST]: 10, [SLOW]: 20 };
  /** It neither answers nor takes anything. */
  silent = false;
  /** It answers a write with a refusal. */
  refuses = false;
  /** Reads that were begun and wait for `release`. */
  held = 0;
  readonly writes: { readonly property: string; readonly value: number }[] = [];
  writesAtOnceMax = 0;
  writesBegun = 0;
  #writesAtOnce = 0;
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  /** Reads that begin from now on take what they read now and answer after `release`. */
  hold(): void {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#gate = { opened, open };
  }

  release(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Undefined: no answer. */
  async read(property: string): Promise<number | undefined> {
    const value = this.silent ? undefined : this.values[property];
    if (this.#gate !== undefined) {
      this.held += 1;
      await this.#gate.opened;
    }
    return value;
  }

  async write(property: string, value: number): Promise<'taken' | 'refused' | 'no answer'> {
    this.#writesAtOnce += 1;
    this.writesBegun += 1;
    this.writesAtOnceMax = Math.max(this.writesAtOnceMax, this.#writesAtOnce);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    this.#writesAtOnce -= 1;
    if (this.silent) return 'no answer';
    this.writes.push({ property, value });
    if (this.refuses) return 'refused';
    this.values[property] = value;
    return 'taken';
  }
}

/** The scripted device as a driver of the polling engine. */
export function scriptedDriver(device: ScriptedDevice, clock: Clock): Driver {
  return {
    read: (properties) =>
      Promise.all(
        properties.map(async ({ name }) => {
          const value = await device.read(name);
          const timestamp = clock.wallTime();
          return value === undefined
            ? ({
                property: name,
                value: null,
                quality: 'bad',
                reason: 'EDGE_DEVICE_TIMEOUT',
                timestamp,
              } as const)
            : ({ property: name, value, quality: 'good', timestamp } as const);
        }),
      ),
    write: async ({ name }, value): Promise<WriteOutcome> => {
      const outcome = await device.write(name, Number(value));
      if (outcome === 'taken') return { ok: true };
      const silent = outcome === 'no answer';
      const code = silent ? 'EDGE_DEVICE_TIMEOUT' : 'EDGE_DEVICE_EXCEPTION';
      return { ok: false, code, message: outcome, retry: silent };
    },
  };
}

/** A host that keeps what it is told, in order. */
export function recordingHost(clock: Clock): { host: MapperHost; readings: Reading[] } {
  const readings: Reading[] = [];
  const host: MapperHost = {
    clock,
    random: seededRandom(1),
    log: silentLog,
    report: async (batch) => {
      readings.push(...batch.readings);
    },
  };
  return { host, readings };
}

/** A rig for a mapper in this process: what the runtime does with it, and how to end it all. */
export function inProcessRig(
  mapper: Mapper,
  device: Device,
  readings: readonly Reading[],
  close: () => Promise<void>,
): ComplianceRig {
  let stopped = false;
  const stop = async (): Promise<void> => {
    stopped = true;
    await mapper.stop();
  };
  const write = async (request: WriteRequest): Promise<void> => {
    while (!stopped) {
      const outcome = await mapper.write(request);
      if (outcome.ok || !outcome.retry) return;
      await new Promise((resolve) => setTimeout(resolve, FAST_CYCLE_MS));
    }
  };
  return {
    readings,
    desire: (property, value, label) => {
      void write({ device: device.id, property, value, version: label });
    },
    stop,
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    close: async () => {
      await stop();
      await close();
    },
  };
}

/** The device with the labels that the suite starts from. */
export function mapped(device: Device): MappedDevice {
  return { device, applied: new Map(device.properties.map(({ name }) => [name, START_LABEL])) };
}

/** Waits until something holds, and throws what was waited for when it never does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  if (await waited(holds, PATIENCE_MS)) return;
  throw new Error(`waited in vain: ${what}`);
}

async function either(holds: () => boolean): Promise<void> {
  await waited(holds, EITHER_MS);
}

async function waited(holds: () => boolean, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

async function heard(rig: ComplianceRig, wanted: (reading: Reading) => boolean): Promise<Reading> {
  await until(`a reading with ${wanted.toString()}`, () => rig.readings.some(wanted));
  const [first] = rig.readings.filter(wanted);
  if (first === undefined) throw new Error('a reading was taken back');
  return first;
}

/** The first good one: a machine that is busy may miss a time-out of the read-back. */
function labelled(rig: ComplianceRig, name: string, label: Version): Promise<Reading> {
  return heard(
    rig,
    ({ property, quality, appliedVersion }) =>
      property === name && quality === 'good' && sameVersion(appliedVersion, label),
  );
}

function version(n: number): Version {
  return { gen: 1, n };
}
