import type { Command, Flag } from '#protocol/command-line/command.js';
import {
  DEVICE_OPERAND,
  PROPERTY_OPERAND,
  VALUE_OPERAND,
} from '#protocol/command-line/twin-verbs.js';

const PORT: Flag = { name: 'port', value: 'PATH', summary: 'A serial port.' };
const HOST: Flag = {
  name: 'host',
  value: 'ADDRESS',
  summary: 'A device or gateway on Modbus TCP.',
};
const TCP_PORT: Flag = {
  name: 'tcp-port',
  value: 'N',
  summary: 'Its port. Default: 502; for simulate 5020, and 0 takes a free one.',
};
const BAUD: Flag = {
  name: 'baud',
  value: 'LIST',
  summary: 'Baud rates of the line, with commas between. Default: 9600.',
};
const FORMAT: Flag = {
  name: 'format',
  value: 'LIST',
  summary: 'Data bits, parity and stop bits, such as 8N1,8E1. Default: 8N1.',
};
const UNITS: Flag = {
  name: 'units',
  value: 'LIST',
  default: '1-32',
  summary: 'Units to ask, such as 1-32,100.',
};
const ONE_UNIT = 'Units to ask; the first that answers counts.';
const TIMEOUT: Flag = {
  name: 'timeout',
  value: 'MS',
  summary: 'Milliseconds to wait for each. Default: 200.',
};

const TRANSPORT: Flag = {
  name: 'transport',
  value: 'NAME',
  summary: 'With --host tcp, rtu-over-tcp or udp; with --port rtu or ascii. Default: the first.',
};

const LINE = [PORT, BAUD, FORMAT];
const WHERE = [...LINE, HOST, TCP_PORT, TRANSPORT];

/** Commands that talk to devices themselves. */
export function mapperCommands(config: Flag): readonly Command[] {
  const devices: Flag = {
    name: 'devices',
    value: 'FILE',
    summary: 'A file of devices, instead of a whole configuration.',
  };
  const source = [config, devices];
  return [
    {
      words: ['mapper', 'plan'],
      summary: 'Show the requests, the time of a round and the load of each bus; send nothing.',
      operands: [{ ...DEVICE_OPERAND, optional: true }],
      flags: source,
      example: 'edgetwin mapper plan --devices meters.yaml',
    },
    {
      words: ['mapper', 'scan'],
      summary: 'Find Modbus devices: units, baud rates, formats, who they are, SunSpec models.',
      flags: [...WHERE, UNITS, TIMEOUT],
      example: 'edgetwin mapper scan --port /dev/ttyUSB0 --baud 9600,19200 --format 8N1,8E1',
    },
    {
      words: ['mapper', 'read'],
      summary: 'Read a device, or one property of it, once. The gateway must not hold its port.',
      operands: [DEVICE_OPERAND, { ...PROPERTY_OPERAND, optional: true }],
      flags: source,
      example: 'edgetwin mapper read meter-1 voltage --devices meters.yaml',
    },
    {
      words: ['mapper', 'write'],
      summary: 'Write a property of a device and read it back.',
      operands: [DEVICE_OPERAND, PROPERTY_OPERAND, VALUE_OPERAND],
      flags: source,
      example: 'edgetwin mapper write relay-1 relay3 true --devices meters.yaml',
    },
    {
      words: ['mapper', 'watch'],
      summary: 'Print every reading of a device until interrupted.',
      operands: [DEVICE_OPERAND],
      flags: source,
      example: 'edgetwin mapper watch meter-1 --devices meters.yaml --json',
    },
    {
      words: ['mapper', 'simulate'],
      summary: 'Answer as the Modbus devices and sensors of a file, with faults on demand.',
      operands: [
        { name: 'FILE', summary: 'A file of devices.' },
        { ...DEVICE_OPERAND, optional: true },
      ],
      flags: [
        ...LINE,
        TCP_PORT,
        { name: 'silent-every', value: 'N', summary: 'Leave one of so many requests unanswered.' },
        { name: 'damaged-every', value: 'N', summary: 'Damage one of so many answers.' },
        { name: 'late', value: 'MS', summary: 'Begin each answer so late.' },
      ],
      example: 'edgetwin mapper simulate meters.yaml --tcp-port 5020',
    },
    {
      words: ['mapper', 'template', 'list'],
      summary: 'List the templates of known devices.',
      example: 'edgetwin mapper template list',
    },
    {
      words: ['mapper', 'template', 'show'],
      summary: 'Print a template.',
      operands: [{ name: 'TEMPLATE', summary: 'Its name.' }],
      example: 'edgetwin mapper template show sdm120',
    },
    {
      words: ['mapper', 'template', 'new'],
      summary: 'Print a new template: of a SunSpec device by asking it, of others a beginning.',
      operands: [{ name: 'NAME', summary: 'The name of the template.' }],
      flags: [
        {
          name: 'protocol',
          value: 'NAME',
          choices: ['modbus', 'serial'],
          default: 'modbus',
          summary: 'Of a beginning; serial is a sensor with frames of its own.',
        },
        ...WHERE,
        { ...UNITS, default: '1', summary: ONE_UNIT },
        TIMEOUT,
      ],
      example: 'edgetwin mapper template new roof --host 192.0.2.7 --units 126',
    },
  ];
}
