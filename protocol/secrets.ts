/** Names of fields that hold a secret. */
const SECRET_NAME =
  /^(authorization|cookie|passphrase|password|privateKey|secret|token)$|(Password|Secret|Token)$/;
/** Join tokens, operators' tokens, private keys in PEM: secret wherever they stand. */
const SECRET_FORM =
  /edgetwin1\.[A-Za-z0-9_-]+|edgetwin-op-[A-Za-z0-9_-]+|Bearer +[\x21-\x7e]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** Cheap to look for: most texts have none of these. */
const HINTS = ['edgetwin1.', 'edgetwin-op-', 'Bearer', 'PRIVATE KEY'];

const REDACTED = '[redacted]';

/** The text of a field as it may stand in a log, a report or a bundle for support. */
export function withoutSecrets(field: string, text: string): string {
  if (SECRET_NAME.test(field)) return REDACTED;
  return HINTS.some((hint) => text.includes(hint)) ? text.replaceAll(SECRET_FORM, REDACTED) : text;
}
