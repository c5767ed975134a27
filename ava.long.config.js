/**
 * Those that take a minute and more, the longest first, so that none runs alone at the end. What
 * waits for wires stands beside what computes on both cores.
 */
const LONGEST = [
  'hardware-tests/mappers/faults',
  'hardware-tests/simulation/sync',
  'hardware-tests/e2e/kill',
  'journal/power-cut',
  'journal/recovery',
  'journal/faults',
  'hardware-tests/models/models',
  'hardware-tests/simulation/long-outage',
  'hardware-tests/simulation/mutations/mutations',
  'tunnel/coded/codec/codec',
  'hardware-tests/tunnel/traps/traps',
  'hardware-tests/fuzz/fuzz',
  'hardware-tests/tunnel/hostile',
  'hardware-tests/e2e/outage',
  'hardware-tests/identity/revocation',
  'journal/corruption',
  'hardware-tests/tunnel/liveness',
  'hardware-tests/e2e/clean',
];

function rank(file) {
  const found = LONGEST.findIndex((name) => file.endsWith(`dist/${name}.long.test.js`));
  return found < 0 ? LONGEST.length : found;
}

// Long proofs: many seeds, many kills. CONTRIBUTING.md says how large, and how to have them larger.
export default {
  files: ['dist/**/*.long.test.js'],
  workerThreads: false,
  concurrency: 2,
  sortTestFiles: (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  timeout: '30m',
};
