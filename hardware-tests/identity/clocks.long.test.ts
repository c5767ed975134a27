import test from 'ava';
import { decodeJoinToken, encodeJoinToken } from '#protocol/join.js';
import { eventually } from '../site.js';
import { gateway, hasFaketime, startHub, type GatewayState } from './site.js';

const connected = ({ hub }: GatewayState): boolean => hub.connected;

for (const [year, clock] of [
  ['1970', '1970-01-01 00:01:00'],
  ['2040', '2040-01-01 00:01:00'],
] as const)
  for (const transport of ['websocket', 'coded'])
    test.serial(
      `K58: booted at ${year}, the program joins and connects over ${transport}`,
      async (t) => {
        if (!hasFaketime()) {
          t.log('skipped: needs faketime');
          t.pass();
          return;
        }
        const hub = await startHub(t);
        const late = await gateway(t, { node: 'pi-1', transport, clock });
        const joined = await late.join(await hub.token('pi-1'));
        t.is(joined.code, 0, joined.err);
        await late.run();
        const status = await eventually('connected', late.status, connected);
        t.is(status.hub.transport, transport);
        await eventually('synced', late.status, ({ time }) => time.quality === 'synced');
      },
    );

for (const [year, clock] of [
  ['1970', '1970-01-01 00:01:00'],
  ['2040', '2040-01-01 00:01:00'],
] as const)
  test.serial(
    `K58: booted at ${year}, the program refuses an evil authority and a wrong name`,
    async (t) => {
      if (!hasFaketime()) {
        t.log('skipped: needs faketime');
        t.pass();
        return;
      }
      const [hub, evil] = [await startHub(t), await startHub(t)];
      const token = decodeJoinToken(await hub.token('pi-1'));
      const late = await gateway(t, { node: 'pi-1', clock });
      // The token of the one, the address of the other.
      const misled = await late.join(encodeJoinToken({ ...token, hub: `wss://${evil.listen}` }));
      t.not(misled.code, 0);
      t.regex(misled.err, /EDGE_CERTIFICATE/);
      const port = hub.listen.slice(hub.listen.lastIndexOf(':') + 1);
      const misnamed = await late.join(
        encodeJoinToken({ ...token, hub: `wss://127.0.0.2:${port}` }),
      );
      t.not(misnamed.code, 0);
      // Joined, and then led to the evil one: 127.0.0.1 is its right name, and that is not enough.
      const there = await late.join(encodeJoinToken(token));
      t.is(there.code, 0, there.err);
      const again = await gateway(t, { node: 'pi-2', clock, hub: `wss://${evil.listen}` });
      t.is((await again.join(await hub.token('pi-2'))).code, 0);
      await again.run();
      const { hub: link } = await eventually(
        'refused',
        again.status,
        ({ hub: { lastError } }) => lastError !== undefined,
      );
      t.false(link.connected);
      t.is(link.lastError?.code, 'EDGE_CERTIFICATE');
      t.regex(link.lastError?.message ?? '', /not issued by the authority/);
    },
  );
