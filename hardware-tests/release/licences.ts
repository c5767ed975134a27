import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { production, ROOT } from './lockfile.js';
import type { LockedPackage, Lockfile } from './lockfile.js';

/** Licences (SPDX) that what is installed with the product may have: they ask for a notice only. */
export const ALLOWED_LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
];

/** docs/licences.md: what is installed with the product, by licence. */
export function licencesPage(lockfile: Lockfile): string {
  const packages = production(lockfile);
  const licences = new Set(packages.map(({ license }) => license));
  const sections = [...licences].sort().flatMap((licence) => {
    const held = packages.filter(({ license }) => license === licence);
    const names = new Set(held.map((one) => `${one.name} ${one.version}`));
    return ['', `## ${licence}`, '', `${[...names].sort().join(', ')}.`];
  });
  return [
    '# Licences of what is installed with edgetwin',
    '',
    'edgetwin itself is under Apache-2.0. Made from package-lock.json by `npm run release -- licences`; a test',
    'holds it against the lockfile and refuses any licence but these.',
    ...sections,
    '',
  ].join('\n');
}

/** The texts of the licences, as they ask to be passed on with copies. */
export function notices(packages: readonly LockedPackage[], root = ROOT): string {
  const texts = packages.map(({ name, version, license, path }) => {
    const folder = join(root, path);
    const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one));
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
    return `${name} ${version}, ${license}\n\n${text}\n`;
  });
  return [...new Set(texts)].sort().join(`\n${'-'.repeat(80)}\n\n`);
}
