import { dirname, resolve } from 'node:path';
import type { Device } from '#protocol/device.js';
import { parseCycle } from '#protocol/device-document-cycle.js';
import type { LogLevel } from '#protocol/log.js';
import { checkShape, isMap } from '#protocol/schema-shape.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { NO_TEMPLATES, readDevices } from './device-files.js';
import type { ReportPattern, TemplateLibrary, ValidateDevice } from './device-files.js';
import { readBounded } from './file.js';
import { historyBounds } from './history-schema.js';
import type { HistoryBounds } from './history-schema.js';
import { configError, formatPath, ISSUES_SHOWN } from '#protocol/config-issue.js';
import type { ConfigIssue } from '#protocol/config-issue.js';
import { gatewaySchema, parseListen } from './schema.js';
import type { GatewayDocument, ListenAddress, TransportChoice } from './schema.js';
import { parseYaml } from '#protocol/yaml-file.js';
import type { YamlDocument } from '#protocol/yaml-file.js';

/** Where the broker speaks TLS, and by which files. */
export interface BrokerTls {
  readonly listen: ListenAddress;
  readonly files: {
    readonly certificate: string;
    readonly key: string;
    readonly clientAuthority?: string;
  };
}

/** What a gateway is told: gateway.yaml with its defaults, and the devices of its files. */
export interface GatewayConfig {
  readonly node: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Megabytes (10^6 bytes) of flash blocks in 24 hours. */
  readonly flashBudget: number;
  /** How much sample history is kept. */
  readonly history: HistoryBounds;
  /** `wss://host:port`; absent before the gateway has joined a hub. */
  readonly hub?: string;
  readonly transport: TransportChoice;
  /** How long a connection over the coded transport outlives silence. */
  /** Absent: no longer than any silence. */
  readonly resumeMs?: number;
  /** What the hub may have reached through this gateway: `host:port`, `udp:host:port`. */
  readonly forward: readonly string[];
  /** How long changes are gathered before they leave for the hub together. */
  readonly syncWindowMs: number;
  readonly broker: {
    readonly listen: ListenAddress;
    /** Nobody comes in without a name and password, not even from this machine. */
    readonly credentials?: 'required';
    /** A second door, with TLS; absolute paths. */
    readonly tls?: BrokerTls;
  };
  readonly api: { readonly listen: ListenAddress };
  readonly log: { readonly level: LogLevel };
  readonly devices: readonly Device[];
  /** What a person should know though the gateway runs: devices of other nodes, ignored keys. */
  readonly warnings: readonly ConfigIssue[];
  /** Why this one is in force and not the present one: see `LastGood`. */
  readonly fallback?: string;
}

/**
 * Reads gateway.yaml and the device files it names. Rejects with one EDGE_CONFIG that has every
 * issue of all files (see `issuesOf`).
 */
export async function loadConfig(
  path: string,
  validate: ValidateDevice,
  library: TemplateLibrary = NO_TEMPLATES,
): Promise<GatewayConfig> {
  const text = await readBounded(path);
  if (typeof text !== 'string') throw configError([text]);
  const { documents, issues: syntax } = await parseYaml(path, text);
  const [document, second] = documents;
  const issues: ConfigIssue[] = [...syntax];
  if (document === undefined || second !== undefined || hasErrors(issues)) {
    if (!hasErrors(issues)) issues.push(notOne(path, documents));
    throw configError(issues);
  }

  const checked = checkShape(gatewaySchema, document.value ?? {});
  for (const { path: at, message, suggestion, unknownKey } of checked.issues.slice(0, ISSUES_SHOWN))
    issues.push({
      file: path,
      ...document.place(at, unknownKey ? 'key' : 'value'),
      key: formatPath(at),
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
      severity: 'error',
    });

  const { forward, transport } = checked.output ?? {};
  if (forward !== undefined && forward.length > 0 && transport === 'websocket')
    issues.push({
      ...{ file: path, ...document.place(['forward'], 'key'), key: 'forward' },
      message: 'has no effect without `transport: auto` or `coded`: WebSocket has no streams',
      severity: 'warning',
    });

  const patterns = patternsOf(checked.output, document.value);
  const reportPattern: ReportPattern = (index, message, severity) => {
    const at = ['devices', index];
    // A default that matches nothing is no fault: a gateway may have no devices yet.
    if (!isMap(document.value) || !('devices' in document.value)) return;
    issues.push({ file: path, ...document.place(at), key: formatPath(at), message, severity });
  };
  const folder = dirname(path);
  const read = await readDevices(
    ...([folder, patterns, checked.output?.node, validate, library, reportPattern] as const),
  );
  issues.push(...read.issues);
  if (checked.output === undefined || hasErrors(issues)) throw configError(issues);
  return toConfig(checked.output, folder, read.devices, issues);
}

function toConfig(
  document: GatewayDocument,
  folder: string,
  devices: readonly Device[],
  warnings: readonly ConfigIssue[],
): GatewayConfig {
  const { node, dataDir, flashBudget, history, hub, syncWindow, broker, api, log } = document;
  const resumeMs = parseCycle(document.resume);
  return {
    node,
    dataDir: resolve(folder, dataDir),
    flashBudget,
    history: historyBounds(history),
    ...(hub === undefined ? {} : { hub }),
    transport: document.transport,
    ...(resumeMs === undefined ? {} : { resumeMs }),
    forward: document.forward,
    syncWindowMs: parseCycle(syncWindow) ?? GATEWAY_LIMITS.stateWindowMs,
    broker: {
      listen: parseListen(broker.listen),
      ...(broker.credentials === 'required' ? { credentials: 'required' } : {}),
      ...(broker.tls === undefined ? {} : { tls: tlsOf(broker.tls, folder) }),
    },
    api: { listen: parseListen(api.listen) },
    log,
    devices,
    warnings,
  };
}

function tlsOf(tls: NonNullable<GatewayDocument['broker']['tls']>, folder: string): BrokerTls {
  const { clientAuthority } = tls;
  return {
    listen: parseListen(tls.listen),
    files: {
      certificate: resolve(folder, tls.certificate),
      key: resolve(folder, tls.key),
      ...(clientAuthority === undefined
        ? {}
        : { clientAuthority: resolve(folder, clientAuthority) }),
    },
  };
}

/** Also of a gateway.yaml with errors, so that a person sees the issues of all files at once. */
function patternsOf(output: GatewayDocument | undefined, value: unknown): readonly string[] {
  if (output !== undefined) return output.devices;
  const devices: unknown = isMap(value) ? value['devices'] : undefined;
  return Array.isArray(devices) ? devices.filter((item) => typeof item === 'string') : [];
}

function notOne(file: string, documents: readonly YamlDocument[]): ConfigIssue {
  const place = documents[1]?.place([]) ?? { line: 1, column: 1 };
  const message = documents.length === 0 ? 'is empty' : 'has more than one document';
  return { file, ...place, key: '', message, severity: 'error' };
}

function hasErrors(issues: readonly ConfigIssue[]): boolean {
  return issues.some(({ severity }) => severity === 'error');
}
