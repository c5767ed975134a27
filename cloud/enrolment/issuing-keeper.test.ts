import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import { AuthorityCare } from './authority-care.js';
import { Authority } from './authority.js';
import { HubCertificate } from './hub-certificate.js';
import { IssuingKeeper } from './issuing-keeper.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';
import { PkiWatch } from './pki-watch.js';

const DAY_MS = LIVES.dayMs;
const DUE_MS = LIVES.issuingMs * LIVES.renewAfter;

/** A hub's watch over its authority, in a time of its own. */
async function watched(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'keeper-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const clock = new ManualClock(Date.UTC(2026, 5, 1));
  const said: string[] = [];
  const heard =
    (level: string) =>
    (event: string, facts?: object): void => {
      const message: unknown = facts === undefined ? undefined : Reflect.get(facts, 'message');
      said.push(`${level} ${event}${typeof message === 'string' ? `: ${message}` : ''}`);
    };
  const log = { ...silentLog, info: heard('info'), warn: heard('warn'), error: heard('error') };
  const ports = { clock, random: systemRandom };
  const authority = await Authority.open({ folder, ...ports, log });
  const certificate = new HubCertificate({
    ...{ authority, folder, names: ['hub.example'], ...ports, log: silentLog },
  });
  const care = new AuthorityCare({ folder, ...ports });
  const keeper = new IssuingKeeper({ authority, renew: () => care.newIssuing(), clock, log });
  const shown = await certificate.current();
  const watch = new PkiWatch(
    { authority, certificate, keeper, clock, log },
    shown,
    () => undefined,
  );
  const keyFile = join(folder, 'ca.key');
  const lookIn = async (ms: number): Promise<string[]> => {
    clock.advance(ms);
    said.length = 0;
    await watch.look();
    return said.filter((line) => / (?:authority-ends|issuing-key-)/.test(line));
  };
  return { folder, clock, authority, care, keeper, keyFile, lookIn, certificate };
}

test('the issuing key is renewed at two thirds of its life where the root’s key is here', async (t) => {
  const { authority, lookIn, keeper, certificate } = await watched(t);
  const { issuer, pin } = authority;
  t.deepEqual(await lookIn(DUE_MS - DAY_MS), []);
  t.is(authority.issuer, issuer);
  t.deepEqual((await lookIn(2 * DAY_MS))[0], 'info issuing-key-renewed');
  t.not(authority.issuer, issuer);
  t.is(authority.pin, pin);
  t.is(keeper.concern, undefined);
  t.true(authority.clientAuthorities.includes(issuer), 'nodes of before are still known');
  const [leaf] = (await certificate.current()).certificate.split(
    /(?<=-----END CERTIFICATE-----\n)/,
  );
  t.true(new X509Certificate(leaf ?? '').checkIssued(new X509Certificate(authority.issuer)));
  t.deepEqual(await lookIn(DAY_MS), []);
});

test('where the root’s key is put away it is said daily, and as an alarm 90 days before the end', async (t) => {
  const { authority, care, keyFile, lookIn, keeper, folder } = await watched(t);
  const key = await readFile(keyFile, 'utf8');
  await unlink(keyFile);
  const { issuer } = authority;
  t.deepEqual(await lookIn(DUE_MS - DAY_MS), []);
  t.deepEqual(await lookIn(2 * DAY_MS), ['warn authority-ends: The issuing key ends in 607 days.']);
  t.deepEqual(await lookIn(DAY_MS / 2), []);
  t.is(keeper.concern?.when, 'due');
  t.deepEqual(await lookIn(LIVES.issuingMs - DUE_MS - LIVES.soonMs), [
    'error authority-ends: The issuing key ends in 88 days.',
  ]);
  t.is(keeper.concern?.when, 'soon');
  t.regex((await care.show()).concern?.hint ?? '', /authority new-issuing --root-key/);
  t.deepEqual(await lookIn(LIVES.soonMs), [
    'error authority-ends: The issuing key ended 1 days ago.',
  ]);
  t.is(keeper.concern?.when, 'over');
  t.is(authority.issuer, issuer);

  const brought = join(folder, 'brought.key');
  await writeFile(brought, key);
  await care.newIssuing(brought);
  await lookIn(1);
  t.not(authority.issuer, issuer);
  t.is(keeper.concern, undefined);
});

test('near the end of the root nothing is renewed in vain: the next root is asked for', async (t) => {
  const { authority, lookIn, keeper } = await watched(t);
  await lookIn(LIVES.authorityMs - LIVES.rootNoticeMs - DAY_MS);
  const { issuer } = authority;
  const [said] = await lookIn(2 * DAY_MS);
  t.regex(said ?? '', /^warn authority-ends: The root ends in 7\d\d days/);
  t.regex(keeper.concern?.hint ?? '', /authority rotate begin/);
  t.is(authority.issuer, issuer);
});

test('during a change of the root it is left alone, and a failing disk is said', async (t) => {
  const { authority, care, lookIn, keeper } = await watched(t);
  await care.beginRotation();
  const { issuer } = authority;
  const said = await lookIn(DUE_MS + DAY_MS);
  t.true(said.some((line) => line.startsWith('error issuing-key-not-renewed')));
  t.is(authority.issuer, issuer);
  t.is(keeper.concern?.which, 'issuing');
  await care.finishRotation();
  await lookIn(1);
  t.not(authority.issuer, issuer);
});
