import { fnv1a64 } from './digest.js';

/** Bytes that both ends know before the first message: deflate points into them (RFC 1951). */
export interface MessageDictionary {
  /** 16 hexadecimal digits, the FNV-1a 64 of the bytes: another text is another dictionary. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/**
 * What the dictionary is made of, the commonest last, where pointing back is cheapest. Words are
 * what devices call their properties, units and models; sentences are bodies of messages as
 * message-codec writes them. A change makes a new dictionary: add it before the old one in
 * DICTIONARIES and keep the old one for as long as older ends are to be spoken to compressed.
 */
export const DICTIONARY_TEXTS = {
  codes: [
    ...['EDGE_CONFIG', 'EDGE_INTERNAL', 'EDGE_INCARNATION', 'EDGE_NO_DEVICE', 'EDGE_NO_PROPERTY'],
    ...['EDGE_VALUE_DIFFERS', 'EDGE_NOT_READ', 'EDGE_OUT_OF_RANGE', 'EDGE_DEVICE_REJECTED'],
    ...['EDGE_DEVICE_FRAME', 'EDGE_DEVICE_EXCEPTION', 'EDGE_DEVICE_CLOSED', 'EDGE_DEVICE_TIMEOUT'],
  ],
  descriptions: [
    '[15,2,1,[["default/sensor-1",1,1,1,["temperature-sensor","modbus",null,[["',
    '",1,0,1000,null,null,"°C"],["',
    '",1,0,1000,null,null,"kWh"],["',
    '",1,0,1000,null,null,"Hz"],["',
    '",1,0,1000,null,null,"V"],["',
    '",0,1,1000,0,100,"%"],["',
    '",4,1,1000],["',
    '",1,0,10000]]]],["',
  ],
  properties: [
    ...['firmware', 'serialNumber', 'position', 'distance', 'vibration', 'illuminance', 'motion'],
    ...['battery', 'signal', 'weight', 'torque', 'speed', 'rpm', 'count', 'total', 'runtime'],
    ...['alarm', 'fault', 'error', 'door', 'switch', 'relay', 'valve', 'pump', 'mode', 'enabled'],
    ...['concentration', 'particulate', 'pm25', 'co2', 'ph', 'conductivity', 'moisture', 'level'],
    ...['volume', 'flow', 'flowRate', 'energy', 'activeEnergy', 'reactivePower', 'apparentPower'],
    ...['activePower', 'powerFactor', 'frequency', 'currentL1', 'voltageL1', 'phase', 'setpoint'],
    ...['target', 'status', 'state', 'humidity', 'pressure', 'temperature', 'power', 'current'],
    'voltage',
  ],
  sentences: [
    '[19,2,null,"[21,2,null,"[22,2,null,"[20,2,null,"',
    '[23,2,1,[["[18,2,1,[["[14,2,null,1]',
    '[11,2,null,1000,10,[["default/device-1",1,1,"',
    '[12,2,null,["',
    '[9,2,null,"default/device-1",1,1,1,',
    '[10,2,null,"default/device-1","',
    '[8,2,null,1][4,2][3,2]',
    '[7,2,1,[["default/device-1",1,1,[["',
    '",1,2,true,',
    '",1,null,1000,1,1,2,"EDGE_DEVICE_TIMEOUT"],["',
    '[17,2,null,1000]',
    '[6,2,null,10,[]]',
    '",1,false,0,1,',
    '",1,true],["',
    '",1,20.5,1],["',
    '",1,1000],["',
    '",1,0],["',
    ',182,181,180,179]]]]],["default/meter-',
    '[16,2,null,1000,1100,0,[["default/',
    '[5,2,10,[["default/',
    '-1",1,1,[["',
  ],
} as const;

function dictionaryOf(text: string): MessageDictionary {
  const bytes = new TextEncoder().encode(text);
  return { id: fnv1a64(bytes), bytes };
}

/** Every dictionary that this version has, the one it likes best first. */
export const DICTIONARIES: readonly MessageDictionary[] = [
  dictionaryOf(Object.values(DICTIONARY_TEXTS).flat().join('')),
];

/** What HELLO lists. */
export const DICTIONARY_IDS: readonly string[] = DICTIONARIES.map(({ id }) => id);

const FEATURE = 'dictionary:';

/** The hub's choice for WELCOME, out of what HELLO listed: one feature, or none. */
export function dictionaryFeatures(offered: readonly string[]): readonly string[] {
  const chosen = DICTIONARY_IDS.find((id) => offered.includes(id));
  return chosen === undefined ? [] : [`${FEATURE}${chosen}`];
}

/** The dictionary that the features of WELCOME name, if this end has it. */
export function agreedDictionary(features: readonly string[]): MessageDictionary | undefined {
  return DICTIONARIES.find(({ id }) => features.includes(`${FEATURE}${id}`));
}
