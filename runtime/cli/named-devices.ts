import { resolve } from 'node:path';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Device } from '#protocol/device.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import { readDevices, type TemplateLibrary } from '../config/device-files.js';
import { configError } from '#protocol/config-issue.js';
import { EdgeError } from '#protocol/errors.js';
import { judgeBy } from '../config/judge-device.js';
import { loadConfig } from '../config/load.js';
import { configFile } from './gateway-file.js';

/**
 * How the commands of `mapper` come by devices: from the file of `--devices` or of the operand FILE,
 * or from the whole configuration. Rejects with EDGE_CONFIG and all that is wrong.
 */
export function namedDevices(
  loadMapper: (protocolName: string) => Promise<MapperModule | undefined>,
  templates: TemplateLibrary,
): (args: Arguments) => Promise<readonly Device[]> {
  const validate = judgeBy(loadMapper);
  return async (args) => {
    const file = args.text('devices') ?? args.operand('FILE');
    if (file === undefined)
      return (await loadConfig(await configFile(args), validate, templates)).devices;
    const path = resolve(file);
    let unmatched: string | undefined;
    const { devices, issues } = await readDevices(
      ...(['/', [path], undefined, validate, templates] as const),
      (_, message) => (unmatched = message),
    );
    if (unmatched !== undefined)
      throw new EdgeError('EDGE_CONFIG', `${file} ${unmatched}`, {
        hint: 'Name a file of devices; its path counts from the folder that you are in.',
      });
    if (issues.some(({ severity }) => severity === 'error')) throw configError(issues);
    return devices;
  };
}
