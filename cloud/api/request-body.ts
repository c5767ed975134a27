import { EdgeError } from '#protocol/errors.js';

/**
 * The bytes of a request's body, at most `bytesMax`: a declared length is judged before anything is
 * read, and what arrives is counted whatever was declared. Throws EDGE_LIMIT.
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): EdgeError {
  return new EdgeError('EDGE_LIMIT', `the body has more than ${bytesMax} bytes`, {
    hint: 'Send a smaller document.',
  });
}
