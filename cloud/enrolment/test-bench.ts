import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJoinToken, type JoinAnswer, type JoinRequest } from '#protocol/join.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom, systemRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import type { Store } from '#journal/store.js';
import { certifiedNode, readChain, type Peer } from '#tunnel/transport.js';
import { Authority } from './authority.js';
import { Enrolment } from './enrolment.js';
import type { EnrolmentTables } from './tables.js';
import { testRequest } from './test-requests.js';

export const HOUR_MS = 3_600_000;

/** A real authority and a real store, for tests. */
export interface Bench {
  readonly clock: ManualClock;
  readonly store: Store<EnrolmentTables>;
  readonly authority: Authority;
  readonly enrolment: Enrolment;
  readonly events: string[];
  /** A token for a node, and the request that spends it. */
  readonly request: (node?: string, csr?: Buffer) => Promise<JoinRequest>;
  /** The enrolment of a hub that was restarted on the same store. */
  readonly reopened: () => Enrolment;
}

/** What of a test's context is needed here. */
interface Teardown {
  teardown(undo: () => unknown): void;
}

export async function benchFor(t: Teardown): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'enrolment-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const clock = new ManualClock(Date.UTC(2026, 5, 1));
  const events: string[] = [];
  const record = (event: string): void => void events.push(event);
  const log = { ...silentLog, info: record, warn: record, child: () => log };
  const authority = await Authority.open({ folder, clock, random: systemRandom, log });
  const store = await openStore<EnrolmentTables>(new MemoryStorage(), {
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  const reopened = (): Enrolment =>
    new Enrolment({
      store,
      authority,
      hubUrl: () => 'wss://hub:1',
      clock,
      random: systemRandom,
      log,
    });
  const enrolment = reopened();
  const request = async (node = 'gw-1', csr = testRequest()): Promise<JoinRequest> => {
    const { id, secret } = decodeJoinToken((await enrolment.createToken({ node })).token);
    return { id, secret, csr: csr.toString('base64') };
  };
  return { clock, store, authority, enrolment, events, request, reopened };
}

/** Who the answer makes its receiver, as the tunnel would show them. */
export function peerOf({ certificate, authority }: JoinAnswer): Peer {
  const [own, ...behind] = readChain(certificate);
  const issuers = [...behind, new X509Certificate(authority)];
  const named = certifiedNode(own ?? new X509Certificate(certificate), issuers);
  return { ...named, address: 'x' };
}
