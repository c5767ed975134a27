import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '#tunnel/test-authority.js';
import { freePort, Link } from '../link.js';
import { here } from './broker-peers.js';
import { cpuMicros, pause } from './process-figures.js';
import type { SyncLoad } from './sync-load.js';
import type { PublisherAnswer, PublisherTask } from './sync-publisher.js';
import type { BenchResult } from './table.js';

/** mosquitto with mutual TLS, as today's gateways reach a broker in a cloud. */
export class MqttPeer {
  readonly #folder: string;
  readonly #link: Link;
  readonly #authority: TestAuthority;
  readonly #pid: number;
  readonly #stop: () => Promise<void>;

  private constructor(peer: {
    folder: string;
    link: Link;
    authority: TestAuthority;
    pid: number;
    stop: () => Promise<void>;
  }) {
    this.#folder = peer.folder;
    this.#link = peer.link;
    this.#authority = peer.authority;
    this.#pid = peer.pid;
    this.#stop = peer.stop;
  }

  static async start(): Promise<MqttPeer> {
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-mqtt-'));
    const authority = new TestAuthority();
    const { key, certificate } = authority.hub();
    const port = await freePort();
    await Promise.all([
      writeFile(join(folder, 'ca.pem'), authority.certificate),
      writeFile(join(folder, 'key.pem'), key, { mode: 0o644 }),
      writeFile(join(folder, 'cert.pem'), certificate),
    ]);
    const settings = [
      ...[`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'require_certificate true'],
      ...[`cafile ${folder}/ca.pem`, `keyfile ${folder}/key.pem`, `certfile ${folder}/cert.pem`],
      ...['user root', 'set_tcp_nodelay true'],
    ];
    await writeFile(join(folder, 'mosquitto.conf'), `${settings.join('\n')}\n`);
    const broker = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
    const exited = once(broker, 'exit');
    const stop = async (): Promise<void> => {
      broker.kill('SIGKILL');
      await exited;
    };
    await listening(port);
    const link = await Link.open('127.0.0.1:0', `127.0.0.1:${port}`);
    return new MqttPeer({ folder, link, authority, pid: broker.pid ?? 0, stop });
  }

  async measure(load: SyncLoad): Promise<BenchResult['rows'][number]> {
    const { key, certificate } = this.#authority.node('gw-0');
    const task: PublisherTask = {
      url: `mqtts://${this.#link.address}`,
      tls: { key, cert: certificate, ca: this.#authority.certificate },
      load,
    };
    const publisher = fork(here('sync-publisher.js'), [JSON.stringify(task)]);
    const exited = once(publisher, 'exit');
    await once(publisher, 'message');
    const before = { ...this.#link.bytes, cpu: cpuMicros(this.#pid) };
    publisher.send('go');
    const [answer] = (await once(publisher, 'message')) as [PublisherAnswer];
    const after = { ...this.#link.bytes, cpu: cpuMicros(this.#pid) };
    await exited;
    const { updates, cpuMs, rssMb } = answer;
    return {
      'updates/s': load.perSecond,
      properties: load.properties,
      way: 'up',
      with: 'MQTT QoS 1 JSON over TLS',
      'up B': (after.up - before.up) / updates,
      'down B': (after.down - before.down) / updates,
      'sum B': (after.up - before.up + after.down - before.down) / updates,
      'sender CPU us': (cpuMs * 1000) / updates,
      'receiver CPU us': (after.cpu - before.cpu) / updates,
      'sender RSS MB': rssMb,
    };
  }

  async stop(): Promise<void> {
    await this.#link.close();
    await this.#stop();
    await rm(this.#folder, { recursive: true });
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'error').then(() => ['error']),
    ]).catch(() => ['error']);
    socket.destroy();
    if (event === 'connect') return;
    await pause(50);
  }
  throw new Error(`nobody listens on ${port}`);
}
