import { parseArgs } from 'node:util';
import { Scene } from './scene.js';
import { ChangedLines, liveTable } from './view.js';

const REFRESH_MS = 500;
/** Every so often the playground wants something else of the meter, so that both paths are seen. */
const WISH_EVERY_MS = 5000;
const WISHES = [20, 55.5, 80, 42.5];

const HELP = `npm start [-- --for SECONDS] [--json] [--help]
Starts a hub, a gateway and a simulated Modbus meter on this machine and shows the values that the
hub knows. --for stops after so many seconds, --json prints a line for each change.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { for: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) return print(HELP, 0);
  const seconds = values.for === undefined ? Infinity : Number(values.for);
  if (!(seconds > 0)) return print(`--for takes seconds above 0, not ${values.for}\n${HELP}`, 2);
  const json = values.json === true;
  const say = (text: string): void => {
    if (!json) print(text, 0);
  };

  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort();
    });
  // A reader that has seen enough, as in `| head`, ends the playground like Ctrl-C.
  process.stdout.on('error', () => {
    stop.abort();
  });
  const scene = await Scene.start(say);
  try {
    if (!json) print(whatToTry(scene), 0);
    const failed = scene.failure();
    failed.catch(() => undefined);
    await Promise.race([show(scene, seconds, json, stop.signal), failed]);
  } finally {
    say('stopping');
    if (!(await scene.stop())) process.exitCode = 1;
  }
  return process.exitCode === 1 ? 1 : 0;
}

async function show(
  scene: Scene,
  seconds: number,
  json: boolean,
  stop: AbortSignal,
): Promise<void> {
  const start = performance.now();
  const changed = new ChangedLines();
  let wishes = 0;
  while (!stop.aborted && performance.now() - start < seconds * 1000) {
    const devices = await scene.devices();
    if (json) for (const line of changed.of(devices)) print(line, 0);
    else if (process.stdout.isTTY) print(`\u001b[J${liveTable(devices)}${cursorUp(devices)}`, 0);
    else if (wishes === 0 || performance.now() - start > wishes * WISH_EVERY_MS)
      print(`${liveTable(devices)}\n`, 0);
    if (devices.length > 0 && performance.now() - start > wishes * WISH_EVERY_MS)
      await scene.setDesired('default/meter-1', 'setpoint', WISHES[wishes++ % WISHES.length]);
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

/** Back to the table's first line, so that the next one is drawn over it. */
function cursorUp(devices: Awaited<ReturnType<Scene['devices']>>): string {
  const lines = 2 + devices.reduce((sum, device) => sum + device.properties.length, 0);
  return `\u001b[${lines}A\r`;
}

function whatToTry(scene: Scene): string {
  return `operator token ${scene.operator}

Try, in another terminal:
  npx edgetwin-hub twin watch --data ${scene.hubData}
  npx edgetwin-hub twin set --data ${scene.hubData} default/meter-1 relay true
  npx edgetwin status --config ${scene.config}
  curl -H 'Authorization: Bearer ${scene.operator}' ${scene.apiUrl}/api/v1/devices
  mosquitto_sub -p ${scene.broker.slice(scene.broker.lastIndexOf(':') + 1)} -v -t '$hw/events/device/#'
Stop with Ctrl-C.
`;
}

function print(text: string, code: number): number {
  process.stdout.write(`${text}\n`);
  return code;
}

process.exitCode = await main();
