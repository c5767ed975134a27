import test from 'ava';
import { eventually } from '../site.js';
import { gateway, startHub } from './site.js';

/** Milliseconds: promise P10, on a machine on which a command of the hub takes well under a second. */
const CUT_WITHIN_MS = 5_000;

test.serial(
  'P10: `edgetwin-hub revoke` cuts live gateways over both transports, for good',
  async (t) => {
    const hub = await startHub(t);
    const gateways = await Promise.all(
      ['websocket', 'coded'].map(async (transport) => {
        const node = `pi-${transport}`;
        const one = await gateway(t, { node, transport });
        const { code, err } = await one.join(await hub.token(node));
        t.is(code, 0, err);
        await one.run();
        await eventually('connected', one.status, (status) => status.hub.connected);
        return { node, one };
      }),
    );
    const bystander = await gateway(t, { node: 'pi-other' });
    await bystander.join(await hub.token('pi-other'));
    await bystander.run();
    await eventually('connected', bystander.status, (status) => status.hub.connected);
    for (const { node, one } of gateways) {
      const before = performance.now();
      const said = await hub.verb('revoke', node);
      const commandMs = performance.now() - before;
      t.is(said, `revoked 1 certificate and 0 tokens of ${node}; 1 session cut`);
      await eventually('cut', one.status, (status) => !status.hub.connected);
      const ms = performance.now() - before;
      t.log(`${node}: cut ${Math.round(ms)} ms after the command began`);
      t.true(
        ms < CUT_WITHIN_MS + 10 * commandMs,
        'the start of the command and the looks included',
      );
      const refused = await eventually(
        'refused',
        one.status,
        ({ hub: { lastError } }) => lastError?.code === 'EDGE_UNAUTHENTICATED',
        120_000,
      );
      t.false(refused.hub.connected);
    }
    t.true((await bystander.status()).hub.connected);
    const audit = await hub.verb('audit', '--json').catch(() => hub.hub.log.join('\n'));
    for (const { node } of gateways) t.regex(audit, new RegExp(`node.revoke[^\\n]*${node}`));
  },
);
