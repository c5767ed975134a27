import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { freePort } from '../link.js';
import { EDGETWIN, EDGETWIN_HUB, mustRun, Program, runVerb } from '../programs.js';
import type { SiteGateway } from '../site-gateway.js';
import { eventually, Site } from '../site.js';

const NO_DEVICES = '';

/** Turns what it hears into capitals, and says goodbye after the end. */
async function capitals(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (data) => socket.write(data.toString().toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

async function datagramEcho(): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.unref();
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
    [listen, target]: readonly [number, number],
    more: readonly string[] = [],
  ): Promise<Forward> {
    const where = `127.0.0.1:${listen}:127.0.0.1:${target}`;
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

let site: Site;
let gateway: SiteGateway;
let auto: SiteGateway;
let ports: { readonly tcp: number; readonly udp: number; readonly dead: number };

test.before(async () => {
  const [tcp, udp, dead] = await Promise.all([capitals(), datagramEcho(), freePort()]);
  ports = { tcp, udp, dead };
  site = await Site.startHubOnly(undefined, ['--udp']);
  gateway = await site.join('pi-1', NO_DEVICES, {
    transport: 'coded',
    forward: [`127.0.0.1:${tcp}`, `127.0.0.1:${dead}`, `udp:127.0.0.1:${udp}`],
  });
  auto = await site.join('pi-2', NO_DEVICES, { transport: 'auto' });
});

test.after.always(async () => {
  await gateway.kill();
  await auto.kill();
  await site.stop();
});

test.serial(
  'gateways come in by UDP with `coded` and with `auto`, and both ends say how',
  async (t) => {
    const none = { listen: '127.0.0.1:1', target: '127.0.0.1:1' };
    const early = await site.request('nodes/pi-1/forwards', { method: 'POST', body: none });
    t.regex(JSON.stringify(early), /404.*EDGE_NO_NODE/);
    await Promise.all([gateway.start(), auto.start()]);
    const { body } = await eventually(
      'both gateways at the hub',
      () => site.request('nodes'),
      (answer) => JSON.stringify(answer.body).split('"online":true').length === 3,
    );
    const nodes = body['nodes'] as readonly { transport: string; link: { rttMs: number } }[];
    t.is(nodes[0]?.transport, 'coded');
    for (const { link } of nodes) t.true(link.rttMs >= 0 && link.rttMs < 5_000);
    // `auto` takes whichever is there first; on a machine that is very busy that may be TCP.
    const overUdp = nodes.filter(({ transport }) => transport === 'coded').length;
    const said = await mustRun(EDGETWIN, ['status', '--config', gateway.config]);
    t.regex(said, /connected over coded \(\d+ ms round trip, \d+\.\d % lost up.* bytes per byte\)/);
    t.regex(said, /forward {2}3 targets, 0 open/);

    const answer = await fetch(`${site.apiUrl}/metrics`, {
      headers: { authorization: `Bearer ${site.operator}` },
    });
    const metrics = new Map(
      (await answer.text()).split('\n').map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
    const coded = (name: string, more = ''): number =>
      metrics.get(`edgetwin_hub_tunnel_${name}{transport="coded"${more}}`) ?? NaN;
    t.is(coded('connections'), 2);
    t.is(coded('events_total', ',event="accepted"'), 2);
    t.is(coded('events_total', ',event="refused-unauthenticated"'), 0);
    t.true(coded('packets_total', ',way="out"') > 2 && coded('packets_total', ',way="in"') > 2);
    t.is(coded('packets_total', ',way="forged"'), 0);
    const ratio = coded('sent_bytes_total') / coded('delivered_bytes_total');
    t.true(ratio > 1 && Math.abs(coded('sent_per_delivered') / ratio - 1) < 0.01);
    t.is(metrics.get('edgetwin_hub_tunnel_connections{transport="websocket"}'), 2 - overUdp);
  },
);

test.serial(
  'forward opens what the gateway’s configuration allows, and nothing else',
  async (t) => {
    const { tcp, udp, dead } = ports;
    const local = await freePort();
    const refused = async (node: string, target: string, listen = '127.0.0.1'): Promise<string> => {
      const body = { listen: `${listen}:${local}`, target };
      return JSON.stringify(await site.request(`nodes/${node}/forwards`, { method: 'POST', body }));
    };
    const target = `127.0.0.1:${tcp}`;
    t.regex(await refused('pi-1', target, '0.0.0.0'), /403.*EDGE_FORBIDDEN/);
    t.regex(await refused('pi-1', 'nowhere'), /422.*EDGE_CONFIG/);
    const where = `127.0.0.1:${local}:127.0.0.1:${tcp + 1}`;
    const verb = await runVerb(EDGETWIN_HUB, ['forward', '--data', site.hubData, 'pi-1', where]);
    t.is(verb.code, 4);
    t.regex(verb.stderr, /EDGE_FORBIDDEN[^]*forward: \['127.0.0.1/);

    const forward = await Forward.open(t, [local, tcp]);
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
    const nowhere = await Forward.open(t, [closed, dead]);
    t.is(await text(dialTo(closed)).catch(() => ''), '');
    await nowhere.says('"why":"unreachable"');

    const datagrams = await freePort();
    await Forward.open(t, [datagrams, udp], ['--udp']);
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
  },
);
