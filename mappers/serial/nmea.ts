/**
 * The fields of an NMEA 0183 sentence, its name first; undefined when it is another one. The
 * talker does not count: `GGA` is `$GPGGA`, `$GNGGA` and so on.
 */
export function nmeaFields(text: string, sentence: string): readonly string[] | undefined {
  const body = text.replace(/^[$!]/, '').replace(/\*[0-9a-f]{2}$/i, '');
  const fields = body.split(',');
  const name = fields[0] ?? '';
  return name === sentence || name.slice(-3) === sentence ? fields : undefined;
}

/**
 * A field; latitudes and longitudes (`ddmm.mmmm`, with N, S, E or W after it) as degrees with
 * seven digits, which is a centimetre.
 */
export function nmeaValue(fields: readonly string[], field: number): string | undefined {
  const text = fields[field];
  const side = fields[field + 1] ?? '';
  const angle = /^(\d{2,3})(\d{2}(?:\.\d+)?)$/.exec(text ?? '');
  if (angle === null || !/^[NSEW]$/.test(side)) return text;
  const [, degrees = '', minutes = ''] = angle;
  const value = Number(degrees) + Number(minutes) / 60;
  const sign = side === 'S' || side === 'W' ? -1 : 1;
  return String(sign * Number(value.toFixed(7)));
}
