import { LIMITS } from './limits.js';

/**
 * The names that both ends, MQTT topics, URLs and file names share. All of them are data until
 * one of these functions has said yes.
 */

/** For schemas that editors read; the functions below check the length as well. */
export const KUBERNETES_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
export const NODE_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
/** The alphabet of KubeEdge's twin keys (edge/pkg/devicetwin/dtcommon). */
export const PROPERTY_NAME = /^[A-Za-z0-9\-_.,:/@#]+$/;

/** Keys that reach an object's prototype when code is careless; refused everywhere. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

/** A namespace, a device's or a model's name: as Kubernetes has them, capitals and `_` allowed. */
export function isName(text: string): boolean {
  return text.length <= LIMITS.nameChars && KUBERNETES_NAME.test(text);
}

/** Lower-case DNS name: it becomes the subject of a certificate. */
export function isNodeName(text: string): boolean {
  return text.length <= LIMITS.nodeNameChars && NODE_NAME.test(text);
}

/** `namespace/name`. */
export function isDeviceId(text: string): boolean {
  const slash = text.indexOf('/');
  return slash > 0 && isName(text.slice(0, slash)) && isName(text.slice(slash + 1));
}

export function isPropertyName(text: string): boolean {
  return text.length <= LIMITS.nameChars && PROPERTY_NAME.test(text) && !FORBIDDEN_KEYS.has(text);
}
