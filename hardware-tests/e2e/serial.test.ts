import test from 'ava';
import { hasPymodbus, hasSocat, SerialPair, startPymodbus } from '../mappers/serial-pair.js';
import { eventually, Site } from '../site.js';

const BAUD = 19_200;

/** Registers of the slave hold unit * 1000 + kind * 100 + address (pymodbus-slave.py). */
const HOLDING_5 = 1305;
const INPUT_7 = 1407;

function documents(port: string): string {
  return `
apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: slave }
spec:
  properties:
    - { name: level, type: INT, accessMode: ReadOnly }
    - { name: limit, type: INT, accessMode: ReadWrite, minimum: "0", maximum: "2000" }
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata: { name: tank }
spec:
  deviceModelRef: { name: slave }
  protocol:
    protocolName: modbus
    configData: { communicateMode: RTU, serialName: ${port}, baudRate: ${BAUD}, parity: none, slaveID: 1 }
  properties:
    - name: level
      collectCycle: 300
      visitors: { protocolName: modbus, configData: { register: InputRegister, offset: 7, dataType: int16 } }
    - name: limit
      collectCycle: 300
      visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: 5, dataType: uint16 } }
`;
}

test('a serial slave of other makers, from register to cloud and back; bad desired values are refused', async (t) => {
  if (!hasSocat || !hasPymodbus) {
    t.log('skipped: needs socat and python3-pymodbus');
    t.pass();
    return;
  }
  const pair = await SerialPair.open();
  const stopSlave = await startPymodbus(pair.slave, BAUD);
  const site = await Site.start({ devices: documents(pair.master) });
  const property = async (name: string): Promise<Record<string, unknown>> => {
    const { body } = await site.request('devices/default/tank');
    const all = body['properties'] as { name: string }[] | undefined;
    return all?.find((one) => one.name === name) ?? {};
  };
  const valueOf = (one: Record<string, unknown>): unknown =>
    (one['reported'] as { value?: unknown } | undefined)?.value;
  const set = (name: string, value: unknown): ReturnType<Site['request']> =>
    site.request(`devices/default/tank/properties/${name}/desired`, {
      method: 'PUT',
      body: { value },
    });
  try {
    await eventually(
      'level',
      () => property('level'),
      (one) => valueOf(one) === INPUT_7,
    );
    await eventually(
      'limit',
      () => property('limit'),
      (one) => valueOf(one) === HOLDING_5,
    );

    const accepted = await set('limit', 1234);
    t.true(accepted.status < 300);
    const limit = await eventually(
      'the desired value is in the register and read back',
      () => property('limit'),
      (one) => one['state'] === 'in-sync' && valueOf(one) === 1234,
    );
    t.is((limit['reported'] as { quality?: string }).quality, 'good');

    for (const [name, value, code] of [
      ['limit', 2001, 'EDGE_RANGE'],
      ['limit', 'much', 'EDGE_TYPE'],
      ['level', 1, 'EDGE_READ_ONLY'],
      ['depth', 1, 'EDGE_NO_PROPERTY'],
    ] as const) {
      const { status, body } = await set(name, value);
      t.true(status >= 400 && status < 500, `${name} ${value}: ${status}`);
      t.is(body['code'], code);
    }
    t.deepEqual((await property('limit'))['desired'], limit['desired'], 'nothing was stored');
    t.is((await property('level'))['desired'], undefined);
  } finally {
    await site.stop();
    await stopSlave();
    await pair.close();
  }
});
