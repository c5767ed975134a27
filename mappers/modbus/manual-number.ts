import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import type { Visitor } from './visitor.js';

/**
 * Manuals number holding registers from 40001 and input registers from 30001 (Application Protocol
 * V1.1b3 section 4.4 counts from 0): five digits of which the first is no part of the address.
 */
const NUMBERED = [
  { from: 30_001, register: 'InputRegister' },
  { from: 40_001, register: 'HoldingRegister' },
] as const;
const NUMBERS = 9999;

/**
 * A warning for the first register of a device whose address may be the number of a manual. Some
 * devices do have registers there: those of SunSpec are known by the exponents of their points.
 */
export function manualNumbers(
  device: Device,
  visitors: ReadonlyMap<string, Visitor>,
): readonly DeviceIssue[] {
  if ([...visitors.values()].some(({ exponentAt }) => exponentAt !== undefined)) return [];
  const found = device.properties.flatMap(({ name }, index) => {
    const visitor = visitors.get(name);
    const numbered = visitor === undefined ? undefined : numberOf(visitor);
    return numbered === undefined ? [] : [{ index, ...numbered }];
  });
  const [first] = found;
  if (first === undefined) return [];
  const { index, from, register, offset } = first;
  const more = found.length === 1 ? '' : `, as those of ${found.length - 1} more properties`;
  return [
    {
      path: ['spec', 'properties', index, 'visitors', 'configData', 'offset'],
      message: `offset is ${offset}, which looks like the number of a manual${more}`,
      hint: `Manuals number registers from ${from}: that is offset: ${offset - from} and register: ${register}. Leave it when the device has a register at ${offset} itself, as SMA's do.`,
      severity: 'warning',
    },
  ];
}

function numberOf({
  kind,
  offset,
}: Visitor): ((typeof NUMBERED)[number] & { readonly offset: number }) | undefined {
  if (kind !== 'holding' && kind !== 'input') return undefined;
  const numbered = NUMBERED.find(({ from }) => offset >= from && offset < from + NUMBERS);
  return numbered === undefined ? undefined : { ...numbered, offset };
}
