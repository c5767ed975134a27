import { NO_FAULTS } from '#mappers/tools/slave.js';
import { formatReport, hasPassed } from './report.js';
import { onSerial } from '../mappers/on-serial.js';
import { deviceOf, LINE, ports, slave } from './simulated-board.js';
import { runSuite } from './suite.js';

onSerial(
  'the hardware suite fails where a device does not answer, and says why',
  async (t, pair) => {
    const device = await deviceOf(t, {
      template: 'xy-md02',
      port: pair.master,
      baudRate: LINE.baudRate,
      timeout: 30,
    });
    const simulation = await slave(device, pair, { ...NO_FAULTS, damagedEvery: 2 });
    const { report } = await runSuite({
      ...{
        device,
        port: pair.master,
        rounds: 4,
        patienceMs: 1000,
        progress: () => undefined,
        ...ports,
      },
    });
    await simulation.stop();
    t.false(hasPassed(report));
    const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
    t.true(
      failed.some(({ name }) => name === 'rounds of all properties'),
      formatReport(report),
    );
    t.true(report.checks.some(({ outcome }) => outcome === 'skipped'));
  },
);
