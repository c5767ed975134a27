import { modelDocument } from './model-document.js';

/** A template of a sensor that prints lines such as `21.5,0`: what its author goes on from. */
export function serialBeginning(name: string): Record<string, unknown> {
  const visitors = (configData: object): object => ({ protocolName: 'serial', configData });
  const property = (of: string, type: string, configData: object): object => ({
    ...{ name: of, type, accessMode: 'ReadOnly' },
    visitors: visitors(configData),
  });
  const annotations = { source: 'say where the frames are from', verified: 'community' } as const;
  return modelDocument(name, annotations, {
    protocol: 'serial',
    protocolConfigData: { baudRate: 9600, format: '8N1', framing: { kind: 'line' } },
    properties: [
      property('temperature', 'DOUBLE', { column: 0, separator: ',', scale: 1, precision: 1 }),
      property('status', 'STRING', { column: 1, enum: { 0: 'ok', 1: 'fault' } }),
    ],
  });
}
