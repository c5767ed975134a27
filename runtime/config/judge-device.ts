import { didYouMean } from '#protocol/did-you-mean.js';
import type { Device } from '#protocol/device.js';
import type { DeviceIssue, LineLoad, MapperModule } from '#protocol/mapper-port.js';
import type { ValidateDevice } from './device-files.js';

/** What a device of another process is called when nothing better is known. */
const ELSEWHERE = 'external';
/** Protocols that have a mapper in the gateway's process. */
const HERE = ['modbus', 'serial'];

/**
 * Lets the mapper of a device judge it. A device of a protocol that no mapper here serves is for a
 * mapper in another process, unless its name is nearly one that is served here. A line that is asked
 * for more than all of its time by devices that were judged one after the other is a warning.
 */
export function judgeBy(
  loadMapper: (protocolName: string) => Promise<MapperModule | undefined>,
): ValidateDevice {
  const loads = new WeakMap<Device, LineLoad>();
  return async (device, before = []) => {
    const { protocolName } = device.protocol;
    const mapper = await loadMapper(protocolName);
    if (mapper !== undefined) {
      const issues = await mapper.validate(device, before);
      if (issues.some(({ severity }) => severity !== 'warning')) return issues;
      const own = await mapper.lineLoad?.(device);
      if (own === undefined) return issues;
      loads.set(device, own);
      const others = before.flatMap((other) => loads.get(other) ?? []);
      return [...issues, ...overload(device, own, others)];
    }
    const meant = didYouMean(protocolName, HERE);
    if (meant === undefined) return [];
    const message = `is ${protocolName}, which no mapper here serves`;
    const hint = `Did you mean ${meant}? Of a mapper in another process: say ${ELSEWHERE}.`;
    return [{ path: ['spec', 'protocol', 'protocolName'], message, hint }];
  };
}

/** Said once a line: of the device with which its cycles ask for more than there is. */
function overload(
  { protocol }: Device,
  own: LineLoad,
  others: readonly LineLoad[],
): readonly DeviceIssue[] {
  const before = others.reduce((sum, { line, share }) => sum + (line === own.line ? share : 0), 0);
  if (before > 1 || before + own.share <= 1) return [];
  const key = 'host' in protocol.configData ? 'host' : 'port';
  const percent = Math.round((before + own.share) * 100);
  const all = before === 0 ? 'the cycles of this device ask' : 'the cycles so far ask';
  return [
    {
      path: ['spec', 'protocol', 'configData', key],
      message: `${key} is a line of whose time ${all} ${percent} %: polls will be skipped`,
      hint: 'Write a longer cycle: for its devices, or a higher baudRate at all of them and here; edgetwin mapper plan shows each request.',
      severity: 'warning',
    },
  ];
}
