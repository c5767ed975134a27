import type { MapperModule } from '#protocol/mapper-port.js';

/** Mappers of this package, loaded when the first device of their protocol is. */
const IN_PROCESS: Readonly<Record<string, () => Promise<MapperModule>>> = {
  modbus: async () => (await import('./modbus/mapper.js')).modbusModule,
  serial: async () => (await import('./serial/mapper.js')).serialModule,
};

/**
 * Protocol names to suggest for a misspelt one. Devices of `mqtt` and `external`, and of any
 * protocol without a mapper here, are served by a mapper in another process over MQTT.
 */
export const KNOWN_PROTOCOLS: readonly string[] = [...Object.keys(IN_PROCESS), 'mqtt', 'external'];

/** The mapper of a protocol, or undefined when none runs in this process. */
export async function loadMapper(protocolName: string): Promise<MapperModule | undefined> {
  return Object.hasOwn(IN_PROCESS, protocolName) ? IN_PROCESS[protocolName]?.() : undefined;
}
