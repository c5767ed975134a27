import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { freePort } from '../link.js';
import { EDGETWIN_HUB, Program, runVerb } from '../programs.js';
import { eventually, Site } from '../site.js';

const NO_DEVICES = '';

/** Turns what it hears into capitals, and says goodbye after the end. */
async function capitals(t: ExecutionContext): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (data) => socket.write(data.toString().toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function datagramEcho(t: ExecutionContext): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket.address().port;
}

function dialTo(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  return socket;
}

/** `forward` as a program that runs until it is interrupted. */
class Forward {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async open(
    t: ExecutionContext,
    site: Site,
    ports: readonly [number, number],
    more: readonly string[] = [],
  ): Promise<Forward> {
    const where = `127.0.0.1:${ports[0]}:127.0.0.1:${ports[1]}`;
    const args = ['forward', '--json', '--data', site.hubData, 'pi-1', where, ...more];
    const program = Program.launch('forward', EDGETWIN_HUB, args);
    t.teardown(() => program.kill());
    const forward = new Forward(program);
    await forward.says('"event":"open"');
    return forward;
  }

  async says(words: string): Promise<void> {
    const { log } = this.#program;
    await eventually(
      words,
      async () => log.join('\n'),
      (said) => said.includes(words),
    );
  }

  stop(): Promise<number | null> {
    return this.#program.stop();
  }
}

test('forward opens what the gateway’s configuration allows, and nothing else', async (t) => {
  const [tcp, udp, dead, local] = await Promise.all([
    capitals(t),
    datagramEcho(t),
    freePort(),
    freePort(),
  ]);
  const site = await Site.startHubOnly(undefined, ['--udp']);
  t.teardown(() => site.stop());
  const gateway = await site.join('pi-1', NO_DEVICES, {
    transport: 'coded',
    forward: [`127.0.0.1:${tcp}`, `127.0.0.1:${dead}`, `udp:127.0.0.1:${udp}`],
  });
  const plain = await site.join('pi-2', NO_DEVICES);
  t.teardown(() => gateway.kill());
  t.teardown(() => plain.kill());
  const refused = async (node: string, target: string, listen = '127.0.0.1'): Promise<string> => {
    const body = { listen: `${listen}:${local}`, target };
    return JSON.stringify(await site.request(`nodes/${node}/forwards`, { method: 'POST', body }));
  };
  const target = `127.0.0.1:${tcp}`;
  t.regex(await refused('pi-1', target), /404.*EDGE_NO_NODE/);

  await Promise.all([gateway.start(), plain.start()]);
  await eventually(
    'both gateways at the hub',
    () => site.request('nodes'),
    ({ body }) => JSON.stringify(body).split('"online":true').length === 3,
  );
  t.regex(await refused('pi-2', target), /409.*EDGE_UNSUPPORTED.*transport: coded/);
  t.regex(await refused('pi-1', target, '0.0.0.0'), /403.*EDGE_FORBIDDEN/);
  t.regex(await refused('pi-1', 'nowhere'), /422.*EDGE_CONFIG/);
  const where = `127.0.0.1:${local}:127.0.0.1:${tcp + 1}`;
  const verb = await runVerb(EDGETWIN_HUB, ['forward', '--data', site.hubData, 'pi-1', where]);
  t.is(verb.code, 4);
  t.regex(verb.stderr, /EDGE_FORBIDDEN[^]*forward: \['127.0.0.1/);

  const forward = await Forward.open(t, site, [local, tcp]);
  const sockets = [dialTo(local), dialTo(local)];
  sockets.forEach((socket, index) => socket.end(`${index}`.repeat(200_000)));
  const answers = await Promise.all(sockets.map((socket) => text(socket)));
  t.deepEqual(
    answers.map((answer, index) => answer === `${'01'[index]}`.repeat(200_000) + 'BYE'),
    [true, true],
    'each end closes for itself, nothing is lost',
  );
  t.regex(await refused('pi-1', target), /409.*EDGE_CONNECTION.*port/, 'the port is taken');

  const closed = await freePort();
  const nowhere = await Forward.open(t, site, [closed, dead]);
  t.is(await text(dialTo(closed)).catch(() => ''), '');
  await nowhere.says('"why":"unreachable"');

  const datagrams = await freePort();
  await Forward.open(t, site, [datagrams, udp], ['--udp']);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send('hello', datagrams, '127.0.0.1');
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  t.is(echoed.toString(), 'hello');

  const status = await gateway.get<{ forward: object }>('status');
  t.like(status.forward, { allowed: 3, open: 1, opened: 3, refused: 2 });
  const audited = site.hub?.log.filter((line) => line.includes('forward opened')) ?? [];
  t.is(audited.length, 3);
  t.like(JSON.parse(audited[0] ?? '{}'), { node: 'pi-1', actor: 'operator:control' });

  await forward.stop();
  await eventually(
    'the port is closed',
    () => text(dialTo(local)).catch(String),
    (answer) => answer.includes('ECONNREFUSED'),
  );
  const still = dialTo(closed);
  await gateway.kill();
  t.is(await text(still).catch(() => ''), '');
});
