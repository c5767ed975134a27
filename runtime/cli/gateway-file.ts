import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Arguments } from '#protocol/command-line/parse.js';
import { EdgeError } from '#protocol/errors.js';
import { checkShape } from '#protocol/schema-shape.js';
import { readBounded } from '../config/file.js';
import { configError, formatPath } from '#protocol/config-issue.js';
import { gatewaySchema } from '../config/schema.js';
import { parseYaml } from '#protocol/yaml-file.js';

const DEFAULT_FILES = ['gateway.yaml', '/etc/edgetwin/gateway.yaml'];

/** The configuration file that a command means. Rejects with EDGE_CONFIG when there is none. */
export async function configFile(args: Arguments): Promise<string> {
  const given = args.text('config');
  if (given !== undefined) return given;
  for (const file of DEFAULT_FILES) if (await exists(file)) return file;
  throw new EdgeError('EDGE_CONFIG', `there is no ${DEFAULT_FILES.join(' and no ')}`, {
    hint: 'Name the configuration with --config FILE.',
  });
}

/**
 * The two things that commands beside `run` need, without the device files: these may be absent
 * or wrong while a gateway runs. Rejects with EDGE_CONFIG.
 */
export async function readSite(
  file: string,
): Promise<{ readonly node: string; readonly dataDir: string }> {
  const text = await readBounded(file);
  if (typeof text !== 'string') throw configError([text]);
  const { documents, issues } = await parseYaml(file, text);
  const [document] = documents;
  if (document === undefined || issues.some(({ severity }) => severity === 'error'))
    throw configError(issues);
  const { output, issues: wrong } = checkShape(gatewaySchema, document.value ?? {});
  if (output !== undefined && wrong.length === 0)
    return { node: output.node, dataDir: resolve(dirname(file), output.dataDir) };
  throw configError(
    wrong.map(({ path, message, suggestion, unknownKey }) => ({
      file,
      ...document.place(path, unknownKey ? 'key' : 'value'),
      key: formatPath(path),
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
      severity: 'error',
    })),
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
