import type { FlashStats } from '#journal/flash.js';
import { duration, printable, textTable } from '#protocol/command-line/text-table.js';
import { isoTime } from '#protocol/twin-document.js';
import type { GatewayStatus } from '../metaserver/status.js';

/** The status for people: the link first, then what would worry one. */
export function statusText(status: GatewayStatus): string {
  const { node, software, uptimeMs, store, broker, mappers, devices, memoryBytes } = status;
  const lines = [
    `node     ${node}, ${software}, up ${duration(uptimeMs)}, ${mebibytes(memoryBytes)} of memory`,
    `hub      ${hubText(status.hub)}`,
    ...status.alarms.map(alarmText),
    ...timeLines(status.time),
    `store    ${store.commits} commits, ${store.syncs} syncs, ${mebibytes(store.bytesWritten)} written`,
    `flash    ${flashText(store.flash)}`,
    ...(store.warning === undefined
      ? []
      : [`WARNING  ${store.warning.code}: ${store.warning.message}`]),
    `broker   ${broker.address}, ${broker.clients} clients`,
    `devices  ${devices}`,
    ...commandLines(status.commands),
    ...historyLines(status.history),
    ...forwardLines(status.forward),
  ];
  const rows = mappers.flatMap(({ protocolName, devices: served }) =>
    served.map(({ device, state, detail }) => [device, protocolName, state, detail ?? '']),
  );
  const table = rows.length === 0 ? '' : `\n${textTable(['DEVICE', 'MAPPER', 'STATE', ''], rows)}`;
  return `${lines.map(printable).join('\n')}\n${table}${undeliveredTable(status.undelivered)}`;
}

/** One that happened says since when, and how it goes. */
function alarmText({ code, detail, raised }: GatewayStatus['alarms'][number]): string {
  if (raised === undefined) return `ALARM    ${code}: ${detail}`;
  const { count, first } = raised;
  const times = `${count} since ${isoTime(first) ?? 'long ago'}`;
  return `ALARM    ${code}: ${detail} (${times}; seen: edgetwin alarm clear ${code})`;
}

function undeliveredTable({ total, kept }: GatewayStatus['undelivered']): string {
  if (kept.length === 0) return '';
  const rows = kept.map(({ what, device, property, code, count, last }) => [
    ...[what, device, property ?? '', code, String(count), isoTime(last) ?? ''],
  ]);
  const headings = [`UNDELIVERED (${total})`, 'DEVICE', 'PROPERTY', 'WHY', 'TIMES', 'LAST'];
  return `\n${textTable(headings, rows)}`;
}

/** Nothing of a clock that agrees with the hub's. */
function timeLines({ quality, wall }: GatewayStatus['time']): readonly string[] {
  if (quality === 'synced') return [];
  const why = {
    floor: 'not later than the truth: this machine has no clock',
    unknown: 'nobody has confirmed it',
  }[quality];
  return [`time     ${isoTime(wall) ?? wall}, ${why}; a hub tells the right one`];
}

/** Beside the budget, in its unit of 10^6 bytes. */
function flashText({ day, dayFlashBytes, budgetBytes, state, windowMs }: FlashStats): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`;
  const used = `${megabytes(dayFlashBytes)} in ${day.syncs} syncs in 24 hours`;
  if (budgetBytes === undefined) return used;
  const share = Math.round((dayFlashBytes / budgetBytes) * 100);
  const measures = {
    ok: '',
    saving: `; saving: commits wait up to ${windowMs} ms for each other`,
    exceeded: `; EXCEEDED: commits wait ${windowMs} ms, sample history is not kept`,
  }[state];
  return `${used}, ${share} % of the budget of ${megabytes(budgetBytes)}${measures}`;
}

/** Nothing of a gateway that never got one. */
function historyLines(history: GatewayStatus['history']): readonly string[] {
  if (history === undefined) return [];
  const { kept, unsent, dropped, bytes, maxBytes, shedding } = history;
  const full = `${mebibytes(bytes)} of ${mebibytes(maxBytes)}`;
  const why = shedding === undefined ? '' : `; NOT KEPT now: ${shedding}`;
  return [`history  ${kept} samples in ${full}, ${unsent} unsent, ${dropped} dropped${why}`];
}

function forwardLines(forward: GatewayStatus['forward']): readonly string[] {
  if (forward === undefined) return [];
  const { allowed, open, opened, refused, dropped } = forward;
  const lost = dropped === 0 ? '' : `, ${dropped} datagrams dropped`;
  return [`forward  ${allowed} targets, ${open} open, ${opened} opened, ${refused} refused${lost}`];
}

function commandLines(commands: GatewayStatus['commands']): readonly string[] {
  if (commands === undefined || commands.kept === 0) return [];
  const { done = 0, failed = 0, expired = 0, unknown = 0 } = commands.counters;
  const ends = `${done} done, ${failed} failed, ${expired} expired, ${unknown} unknown`;
  return [`commands ${commands.open} open, ${ends} since the start`];
}

function hubText(hub: GatewayStatus['hub']): string {
  const { connected, url, transport, link, since, unsent, inFlight, reconnects, lastError } = hub;
  if (url === '') return 'none: join one with `edgetwin join`';
  const state = connected ? `connected over ${transport}${linkText(link)}` : 'not connected';
  const from = since > 0 ? ` since ${isoTime(since) ?? 'long ago'}` : '';
  const trouble =
    connected || lastError === undefined ? '' : ` (${lastError.code}: ${lastError.message})`;
  const queue = `${unsent} unsent, ${inFlight} in flight, ${reconnects} reconnects`;
  return `${url} ${state}${from}${trouble}, ${queue}`;
}

function linkText(link: GatewayStatus['hub']['link']): string {
  if (link?.rttMs === undefined) return '';
  const { rttMs, silentMs, loss, lossIn, redundancy, sentPerDelivered, moves = 0 } = link;
  const silent = silentMs === undefined ? '' : `SILENT for ${duration(silentMs)}, `;
  const lost = loss === undefined ? '' : `, ${percent(loss)} lost up`;
  const lostDown = lossIn === undefined ? '' : `, ${percent(lossIn)} down`;
  const sent = redundancy === undefined ? '' : `, ${redundancy.toFixed(2)} x sent`;
  const each =
    sentPerDelivered === undefined ? '' : `, ${sentPerDelivered.toFixed(1)} bytes per byte`;
  const moved = moves === 0 ? '' : `, ${moves} changes of address`;
  const dropped = droppedText(link.dropped);
  return ` (${silent}${rttMs.toFixed(0)} ms round trip${lost}${lostDown}${sent}${each}${moved}${dropped})`;
}

/** Only what happened: on a quiet link nothing is thrown away. */
function droppedText(dropped: Readonly<Record<string, number>> = {}): string {
  const some = Object.entries(dropped).filter(([, count]) => count > 0);
  return some.length === 0 ? '' : `, thrown away ${some.map((one) => one.join(' ')).join(' ')}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
