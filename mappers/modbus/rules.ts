import { isLine } from './bus-settings.js';
import type { ModbusSettings } from './config.js';
import { TCP_RULES, worthwhileGap, type PlanRules } from './plan.js';

/** How the reads of a device are planned: by its limits, its line, and what was measured of it. */
export function rulesOf(
  { bus, limits }: Pick<ModbusSettings, 'bus' | 'limits'>,
  turnaroundMs: number | undefined,
  isSplitAt?: PlanRules['isSplitAt'],
): PlanRules {
  const { maxRegisters, maxBits, maxGap, ranges } = limits;
  const worthwhile =
    isLine(bus.transport) && 'baudRate' in bus
      ? worthwhileGap(bus.baudRate, turnaroundMs)
      : TCP_RULES.gapRegisters;
  return {
    gapRegisters: maxGap ?? worthwhile,
    maxRegisters,
    maxBits,
    ranges,
    ...(isSplitAt === undefined ? {} : { isSplitAt }),
  };
}
