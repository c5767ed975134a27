/**
 * `npm run release`: makes what is published of a release (docs/release.md).
 *
 *     npm run release -- [--out DIR] [--key FILE --grant FILE]
 *     npm run release -- keys --until 2028-01-31T00:00:00Z [--out DIR]
 *     npm run release -- licences
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { lastCommit, makeArtifacts } from './artifacts.js';
import { grantOf, newKey, privateKeyOf, publicText } from './keys.js';
import { licencesPage } from './licences.js';
import { readLockfile, ROOT } from './lockfile.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    key: { type: 'string' },
    grant: { type: 'string' },
    until: { type: 'string' },
  },
});
const print = (text: string): void => void process.stdout.write(`${text}\n`);

switch (positionals[0]) {
  case 'keys':
    makeKeys(resolve(values.out ?? 'release-keys'), values.until ?? '');
    break;
  case 'licences':
    writeFileSync(`${ROOT}docs/licences.md`, licencesPage(readLockfile()));
    break;
  case undefined:
    await release(resolve(values.out ?? `${ROOT}dist/release`));
    break;
  default:
    throw new Error(`${positionals[0]} is not known: keys, licences, or nothing`);
}

/** A root key, for a machine without a network, and a release key with its grant. */
function makeKeys(out: string, until: string): void {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(until))
    throw new Error('--until must say when the release key ends: 2028-01-31T00:00:00Z');
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const [root, key] = [newKey(), newKey()];
  const save = (name: string, text: string, mode: number): void => {
    writeFileSync(join(out, name), text, { mode, flag: 'wx' });
    print(join(out, name));
  };
  save('release-root.key', root, 0o600);
  save('release-root.pub', `${publicText(privateKeyOf(root))}\n`, 0o644);
  save('release.key', key, 0o600);
  save('release.grant', grantOf(privateKeyOf(root), privateKeyOf(key), until), 0o644);
}

async function release(out: string): Promise<void> {
  const { key, grant } = values;
  const signer =
    key === undefined || grant === undefined
      ? undefined
      : { key: privateKeyOf(readFileSync(key, 'utf8')), grant: readFileSync(grant, 'utf8') };
  const sums = await makeArtifacts({ out, signer, commit: lastCommit() });
  for (const [file, sum] of sums) print(`${sum}  ${file}`);
  if (signer === undefined) print('no bundles were made: they need --key and --grant');
  print(`in ${out}`);
}
