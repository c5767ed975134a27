import type { DeviceDocument, PropertyDocument } from '#protocol/twin-document.js';
import {
  deviceHead,
  desiredDocument,
  propertyHead,
  reportedDocument,
} from '#protocol/twin-document.js';
import { formatVersion } from '#protocol/twin.js';
import type { PropertyView, TwinView } from '../devicetwin/twin-access.js';

/** A twin as the local interface shows it; properties that stay on the gateway are there too. */
export function deviceDocument(twin: TwinView): DeviceDocument {
  const { device, incarnation, properties } = twin;
  return {
    ...deviceHead({ ...device, protocol: device.protocol.protocolName }),
    incarnation: formatVersion(incarnation),
    properties: properties.map(propertyDocument),
  };
}

export function propertyDocument(view: PropertyView): PropertyDocument {
  const { property, reported, desired, state, reason, unsent, pendingLocal } = view;
  return {
    ...propertyHead(property),
    ...(reported === undefined ? {} : { reported: reportedDocument(reported) }),
    ...(desired === undefined ? {} : { desired: desiredDocument(desired) }),
    state,
    ...(reason === undefined ? {} : { reason }),
    unsent,
    ...(pendingLocal === undefined ? {} : { pendingLocal }),
  };
}
