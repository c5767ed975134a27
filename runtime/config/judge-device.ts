import { didYouMean } from '#protocol/did-you-mean.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import type { ValidateDevice } from './device-files.js';

/** What a device of another process is called when nothing better is known. */
const ELSEWHERE = 'external';
/** Protocols that have a mapper in the gateway's process. */
const HERE = ['modbus', 'serial'];

/**
 * Lets the mapper of a device judge it. A device of a protocol that no mapper here serves is for a
 * mapper in another process, unless its name is nearly one that is served here.
 */
export function judgeBy(
  loadMapper: (protocolName: string) => Promise<MapperModule | undefined>,
): ValidateDevice {
  return async (device, before = []) => {
    const { protocolName } = device.protocol;
    const mapper = await loadMapper(protocolName);
    if (mapper !== undefined) return mapper.validate(device, before);
    const meant = didYouMean(protocolName, HERE);
    if (meant === undefined) return [];
    const message = `is ${protocolName}, which no mapper here serves`;
    const hint = `Did you mean ${meant}? Of a mapper in another process: say ${ELSEWHERE}.`;
    return [{ path: ['spec', 'protocol', 'protocolName'], message, hint }];
  };
}
