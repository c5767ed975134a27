import test from 'ava';
import { authorityMetrics, healthOf } from './authority-health.js';
import { TestAuthority } from '#tunnel/test-authority.js';

const about = { which: 'issuing', untilMs: 0, message: 'It ends.', hint: 'Do this.' } as const;

test('an authority that ends in months is a warning, one that has ended an alarm', (t) => {
  const said = [{ code: 'EDGE_CERTIFICATE', message: 'It ends. Do this.' }];
  t.deepEqual(healthOf(undefined), { alarms: [], warnings: [] });
  t.deepEqual(healthOf({ ...about, when: 'due' }), { alarms: [], warnings: [] });
  t.deepEqual(healthOf({ ...about, when: 'soon' }), { alarms: [], warnings: said });
  t.deepEqual(healthOf({ ...about, when: 'over' }), { alarms: said, warnings: [] });
});

test('/metrics has the ends of root and issuing key', (t) => {
  const { certificate } = new TestAuthority();
  const [family] = authorityMetrics({ certificate, issuer: certificate });
  t.deepEqual(
    family?.samples.map(({ labels, value }) => [labels?.['certificate'], value]),
    [
      ['root', Date.UTC(2049, 0) / 1_000],
      ['issuing', Date.UTC(2049, 0) / 1_000],
    ],
  );
});
