import type { DeviceDocument, PropertyDocument } from '#protocol/twin-document.js';
import { formatTable } from '../bench/table.js';

/** The lines that changed since the last call, as `npm start -- --json` prints them. */
export class ChangedLines {
  readonly #last = new Map<string, string>();

  of(devices: readonly DeviceDocument[]): string[] {
    return devices.flatMap((device) =>
      device.properties.flatMap((property) => {
        const line = JSON.stringify({
          device: device.id,
          property: property.name,
          reported: property.reported?.value ?? null,
          quality: property.reported?.quality ?? null,
          desired: property.desired?.value ?? null,
          state: property.state,
        });
        const key = `${device.id}/${property.name}`;
        if (this.#last.get(key) === line) return [];
        this.#last.set(key, line);
        return [line];
      }),
    );
  }
}

/** What a person watches: one row a property. */
export function liveTable(devices: readonly DeviceDocument[]): string {
  return formatTable(
    devices.flatMap((device) =>
      device.properties.map((property) => ({
        device: device.id,
        property: property.name,
        reported: withUnit(property),
        quality: property.reported?.quality ?? '-',
        age: property.ageMs === undefined ? '-' : `${(property.ageMs / 1000).toFixed(1)} s`,
        desired: property.desired === undefined ? '-' : JSON.stringify(property.desired.value),
        state:
          property.reason === undefined ? property.state : `${property.state} ${property.reason}`,
      })),
    ),
  );
}

function withUnit({ reported, unit }: PropertyDocument): string {
  if (reported === undefined) return '-';
  const text = JSON.stringify(reported.value);
  return unit === undefined ? text : `${text} ${unit}`;
}
