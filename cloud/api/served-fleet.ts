import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { tablesOf } from '#journal/store.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { API_LIMITS } from './limits.js';
import type { ApiLimits } from './limits.js';
import { MemoryFleet, sampleDevice } from './memory-fleet.js';
import { Operators } from './operators.js';
import type { OperatorTables } from './operators.js';
import type { Role } from './roles.js';
import { ApiServer } from './server.js';
import type { ApiServerOptions } from './server.js';

/** A whole interface over the fake fleet, on a free port of loopback: for tests of its clients. */
export class ServedFleet {
  readonly fleet: MemoryFleet;
  readonly operators: Operators;
  readonly server: ApiServer;
  readonly dataDir: string;
  readonly alarms: { code: string; message: string }[];
  url = '';

  private constructor(
    fleet: MemoryFleet,
    operators: Operators,
    server: ApiServer,
    dataDir: string,
    alarms: ServedFleet['alarms'],
  ) {
    this.fleet = fleet;
    this.operators = operators;
    this.server = server;
    this.dataDir = dataDir;
    this.alarms = alarms;
  }

  static async start(options: ServedOptions = {}): Promise<ServedFleet> {
    const fleet = new MemoryFleet();
    fleet.putNode({ name: 'pi-1', online: true, epoch: 1, devices: 1, alarms: [] });
    fleet.putDevice(sampleDevice('default/meter', 'pi-1'));
    const ports = { clock: options.clock ?? systemClock, random: systemRandom, log: silentLog };
    const storage = new MemoryStorage();
    const store = await openStore<OperatorTables>(storage, { ...ports, journalBytes: 0 });
    const audit = new AuditTrail(tablesOf(store), ports);
    const operators = new Operators(store, { ...ports, audit });
    const dataDir = await mkdtemp(join(tmpdir(), 'edgetwin-api-'));
    const alarms: ServedFleet['alarms'] = [];
    const server = new ApiServer({
      fleet,
      operators,
      audit,
      createJoinToken: async ({ node, ttlMs }) =>
        Promise.resolve({ token: `join-${node}`, expiresAt: systemClock.wallTime() + ttlMs }),
      health: () => ({ alarms }),
      metrics: () => [],
      listen: '127.0.0.1:0',
      dataDir,
      software: '0.0.0',
      ...ports,
      ...options,
      limits: { ...API_LIMITS, ...options.limits },
    });
    const served = new ServedFleet(fleet, operators, server, dataDir, alarms);
    served.url = (await server.start()).url;
    return served;
  }

  /** A new operator's token. */
  async token(role: Role): Promise<string> {
    const { token } = await this.operators.create(`${role}-${this.operators.list().length}`, role);
    return token;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

type ServedOptions = Partial<Omit<ApiServerOptions, 'limits'>> & {
  readonly limits?: Partial<ApiLimits>;
};
