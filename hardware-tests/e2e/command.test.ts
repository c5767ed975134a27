import anyTest from 'ava';
import type { TestFn } from 'ava';
import { Link } from '../link.js';
import { EDGETWIN_HUB, runVerb } from '../programs.js';
import { serveTcp } from '../simulators/modbus-meter.js';
import type { DeviceRegisters } from '../simulators/meter-registers.js';
import { eventually, Site } from '../site.js';

const DEVICE = 'default/pump';

/** A pump that counts: every write of the pulse register is one dose. */
class Pump implements DeviceRegisters {
  readonly doses: number[] = [];
  speed = 0;
  onDose: () => void = () => undefined;

  read(kind: string, offset: number): number | undefined {
    if (kind !== 'holding') return undefined;
    if (offset === 0) return this.speed;
    return offset === 1 ? (this.doses.at(-1) ?? 0) : undefined;
  }

  write(_kind: string, offset: number, word: number): 'ok' | 'address' | 'value' {
    if (offset > 1) return 'address';
    if (offset === 0) this.speed = word;
    else {
      this.doses.push(word);
      this.onDose();
    }
    return 'ok';
  }
}

/** `pulse` is ReadOnly: only the command writes it. */
function documents(port: string): string {
  return `
apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: pump }
spec:
  properties:
    - { name: speed, type: INT, accessMode: ReadWrite, minimum: "0", maximum: "100" }
    - { name: pulse, type: INT, accessMode: ReadOnly }
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata: { name: pump }
spec:
  deviceModelRef: { name: pump }
  protocol:
    protocolName: modbus
    configData: { communicateMode: TCP, ip: 127.0.0.1, port: "${port}", slaveID: 1, timeout: 20000 }
  methods:
    - { name: dose, description: Gives one dose., propertyNames: [speed, pulse] }
  properties:
    - name: speed
      collectCycle: 300
      visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: 0, dataType: uint16 } }
    - name: pulse
      collectCycle: 300
      visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: 1, dataType: uint16 } }
`;
}

interface Scene {
  readonly pump: Pump;
  readonly link: Link;
  readonly site: Site;
  readonly stop: () => Promise<void>;
}

const test = anyTest as TestFn<Scene>;

test.beforeEach(async (t) => {
  const pump = new Pump();
  const served = await serveTcp(pump, 0);
  const link = await Link.open('127.0.0.1:0', served.address);
  const stopDevice = async (): Promise<void> => {
    await link.close();
    await served.stop();
  };
  // Whatever fails here, nothing may go on running: the process of this file would never end.
  const devices = documents(link.address.split(':')[1] ?? '');
  const site = await Site.start({ devices }).catch(async (error: unknown) => {
    await stopDevice();
    throw error;
  });
  const stop = async (): Promise<void> => {
    await site.stop();
    await stopDevice();
  };
  t.context = { pump, link, site, stop };
  await eventually(
    'the pump is seen',
    () => site.request(`devices/${DEVICE}`),
    ({ body }) => JSON.stringify(body).includes('"quality":"good"'),
  );
});

test.afterEach.always((t) => (t.context as Partial<Scene>).stop?.());

const ended = (state: unknown): boolean => state !== 'new' && state !== 'sent';

async function command(site: Site, args: object, ttlMs = 60_000): Promise<string> {
  const body = { method: 'dose', args, ttlMs };
  const answer = await site.request(`devices/${DEVICE}/commands`, { method: 'POST', body });
  if (answer.status !== 202) throw new Error(JSON.stringify(answer));
  return String(answer.body['id']);
}

async function end(site: Site, id: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await eventually(
    'the command ends',
    () => site.request(`commands/${id}`),
    ({ body }) => ended(body['state']),
  );
  return answer.body;
}

async function openAtGateway(site: Site): Promise<number> {
  const answer = await fetch(`http://${site.gatewayApi}/api/v1/status`);
  const status = (await answer.json()) as { commands: { open: number } };
  return status.commands.open;
}

test.serial(
  'a command is done once, in the order of its method, and the twin follows',
  async (t) => {
    const { site, pump } = t.context;
    const done = await end(site, await command(site, { pulse: 7, speed: 40 }));
    t.is(done['state'], 'done', JSON.stringify(done));
    t.is(done['actor'], 'operator:test');
    t.deepEqual(pump.doses, [7]);
    t.is(pump.speed, 40);
    await eventually(
      'the twin follows',
      () => site.request(`devices/${DEVICE}/properties/speed`),
      ({ body }) => (body['reported'] as { value?: unknown } | undefined)?.value === 40,
    );
    const desired = await site.request(`devices/${DEVICE}/properties/pulse/desired`, {
      method: 'PUT',
      body: { value: 1 },
    });
    t.is(desired.status, 405);
    for (const [args, status] of [
      [{ speed: 101 }, 422],
      [{ sped: 1 }, 404],
      [{}, 400],
    ] as const) {
      const body = { method: 'dose', args };
      const answer = await site.request(`devices/${DEVICE}/commands`, { method: 'POST', body });
      t.is(answer.status, status, JSON.stringify(args));
    }
    const run = ['command', 'run', '--data', site.hubData, 'pump', 'dose', '{"pulse":9}', '--wait'];
    const first = await runVerb(EDGETWIN_HUB, [...run, '--key', 'k1']);
    t.is(first.code, 0, first.stderr);
    const again = await runVerb(EDGETWIN_HUB, [...run, '--key', 'k1']);
    t.is(again.stdout, first.stdout);
    t.deepEqual(pump.doses, [7, 9], 'the same key is the same command');
    const list = await runVerb(EDGETWIN_HUB, ['command', 'list', '--data', site.hubData, 'pump']);
    t.is(list.stdout.trimEnd().split('\n').length, 3);
  },
);

test.serial(
  'kill -9 after the effect and before its record: unknown, and never again',
  async (t) => {
    const { site, pump } = t.context;
    const killed = new Promise<void>((resolve) => {
      pump.onDose = () => void site.gateway?.kill().then(resolve);
    });
    const id = await command(site, { pulse: 5 });
    await killed;
    pump.onDose = () => undefined;
    await site.startGateway();
    const known = await end(site, id);
    t.is(known['state'], 'unknown', JSON.stringify(known));
    t.is(known['code'], 'EDGE_EFFECT_UNKNOWN');
    t.deepEqual(pump.doses, [5]);
    const next = await end(site, await command(site, { pulse: 6 }));
    t.is(next['state'], 'done');
    t.deepEqual(pump.doses, [5, 6]);
  },
);

test.serial(
  'kill -9 between acceptance and effect: unknown, though nothing happened',
  async (t) => {
    const { site, pump, link } = t.context;
    link.cut();
    const ids = [await command(site, { pulse: 1 }), await command(site, { pulse: 2 })];
    // The first waits for the device, the second for the first.
    await eventually(
      'both are accepted',
      () => openAtGateway(site),
      (open) => open === 2,
    );
    await site.gateway?.kill();
    link.heal();
    await site.startGateway();
    for (const id of ids) t.is((await end(site, id))['state'], 'unknown');
    t.is((await end(site, await command(site, { pulse: 3 })))['state'], 'done');
    t.deepEqual(
      pump.doses.filter((dose) => dose === 2),
      [],
      'the second never left',
    );
    t.true(pump.doses.filter((dose) => dose === 1).length <= 1);
  },
);

test.serial(
  'a command for a gateway that is away expires; one that outlives a hub restart is done',
  async (t) => {
    const { site, pump } = t.context;
    await site.gateway?.stop();
    const short = await command(site, { pulse: 1 }, 500);
    t.is((await end(site, short))['state'], 'expired');
    const long = await command(site, { pulse: 2 }, 60_000);
    const lost = await command(site, { pulse: 3 }, 5_000);
    await site.hub?.kill();
    await site.startHub();
    t.is((await end(site, lost))['state'], 'unknown', 'this process of the hub cannot know');
    await site.startGateway();
    t.is((await end(site, long))['state'], 'done');
    t.deepEqual(pump.doses, [2]);
  },
);
