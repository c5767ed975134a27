import type { Clock, Timer } from '#protocol/clock.js';
import type { Random } from '#protocol/random.js';
import type { RegisterKind } from '#mappers/modbus/frame.js';

/** Input registers of an Eastron SDM120 (float32, high word first), wire addresses. */
export const METER_MAP = {
  voltage: 0x00,
  current: 0x06,
  power: 0x0c,
  frequency: 0x46,
  energy: 0x48,
};
/** Of the invented part: a setpoint in tenths of a percent, and a relay. */
export const SETPOINT_REGISTER = 0;
export const RELAY_COIL = 0;

const LAST_INPUT_REGISTER = 0x4b;
const SETPOINT_MAX = 1000;
const TICK_MS = 200;
const FULL_LOAD_A = 16;

/** What a slave shows of itself: a word or bit, or undefined for an address that it does not have. */
export interface DeviceRegisters {
  read(kind: RegisterKind, offset: number): number | undefined;
  /** `address`: there is no such register; `value`: it does not take this. */
  write(kind: 'coil' | 'holding', offset: number, word: number): 'ok' | 'address' | 'value';
}

/** An energy meter with a load behind it: the relay switches it, the setpoint sets its size. */
export class MeterRegisters implements DeviceRegisters {
  readonly values = { voltage: 230, current: 0, power: 0, frequency: 50, energy: 1234.5 };
  setpoint = 425;
  relay = true;
  readonly #clock: Clock;
  readonly #random: Random;
  #timer: Timer | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#tick();
  }

  read(kind: RegisterKind, offset: number): number | undefined {
    if (kind === 'coil') return offset === RELAY_COIL ? Number(this.relay) : undefined;
    if (kind === 'holding') return offset === SETPOINT_REGISTER ? this.setpoint : undefined;
    if (kind !== 'input' || offset > LAST_INPUT_REGISTER) return undefined;
    for (const [name, start] of Object.entries(METER_MAP))
      if (offset === start || offset === start + 1)
        return float32Words(this.values[name as keyof typeof METER_MAP])[offset - start];
    return 0;
  }

  write(kind: 'coil' | 'holding', offset: number, word: number): 'ok' | 'address' | 'value' {
    if (offset !== (kind === 'coil' ? RELAY_COIL : SETPOINT_REGISTER)) return 'address';
    if (kind === 'coil') this.relay = word !== 0;
    else if (word > SETPOINT_MAX) return 'value';
    else this.setpoint = word;
    return 'ok';
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    const wobble = (size: number): number => (this.#random.unit() - 0.5) * size;
    const load = this.relay ? this.setpoint / SETPOINT_MAX : 0;
    const { values } = this;
    values.voltage = rounded(230 - 3 * load + wobble(1.5), 1);
    values.current = rounded(load * FULL_LOAD_A * (1 + wobble(0.02)), 3);
    values.power = rounded(values.voltage * values.current, 1);
    values.frequency = rounded(50 + wobble(0.06), 2);
    values.energy += (values.power * TICK_MS) / 3_600_000_000;
    this.#timer = this.#clock.setTimer('meter', TICK_MS, () => this.#tick());
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function float32Words(value: number): [number, number] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
}
