import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { systemClock } from '#protocol/clock.js';
import { readDocuments } from '#protocol/device-document.js';
import { EdgeError } from '#protocol/errors.js';
import { jsonLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { parseYaml } from '#protocol/yaml-file.js';
import { MqttAdapter } from '../mqtt-adapter.js';
import { thermostatModule } from './thermostat.js';

/**
 * The example mapper in a process of its own, over the gateway's broker:
 *
 *     node dist/mappers/example/thermostat-process.js mqtt://127.0.0.1:1883 thermostat.yaml
 */
const [url, file] = process.argv.slice(2);
if (url === undefined || file === undefined)
  throw new EdgeError('EDGE_USAGE', 'address of the broker or file of devices is missing', {
    hint: 'Write: thermostat-process.js mqtt://127.0.0.1:1883 thermostat.yaml',
  });

const { documents } = await parseYaml(file, await readFile(file, 'utf8'));
const { devices } = readDocuments(documents.map(({ value }) => ({ value, source: file })));
const { MQTT_USERNAME: username, MQTT_PASSWORD: password } = process.env;
const adapter = new MqttAdapter({
  url,
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  module: thermostatModule,
  devices: devices
    .map(({ device }) => device)
    .filter(({ protocol }) => protocol.protocolName === thermostatModule.protocolName),
  clock: systemClock,
  random: systemRandom,
  log: jsonLog(
    (line) => process.stderr.write(line),
    () => systemClock.wallTime(),
  ),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void adapter.stop());
await adapter.start();
