import { EdgeError, ERROR_CODES } from './errors.js';
import type { ErrorCode } from './errors.js';

/** RFC 9457, with our code and what to do next. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly hint?: string;
  /** All that is wrong with a document: where it is, and what. */
  readonly issues?: readonly ProblemIssue[];
}

export interface ProblemIssue {
  /** `device.spec.properties[0].name`. */
  readonly key: string;
  readonly message: string;
  /** What a misspelt name was probably meant to be. */
  readonly suggestion?: string;
  readonly hint?: string;
}

/** Issues of one problem that a client is told. */
const ISSUES_MAX = 100;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The one table from code to status; a code that is not here is this program's fault: 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  EDGE_MALFORMED: 400,
  EDGE_UNAUTHENTICATED: 401,
  EDGE_FORBIDDEN: 403,
  EDGE_NO_NODE: 404,
  EDGE_NO_DEVICE: 404,
  EDGE_NO_PROPERTY: 404,
  EDGE_NO_METHOD: 404,
  EDGE_NO_COMMAND: 404,
  EDGE_NO_OPERATOR: 404,
  EDGE_UNSUPPORTED: 404,
  EDGE_READ_ONLY: 405,
  EDGE_DEVICE_TAKEN: 409,
  EDGE_INCARNATION: 409,
  EDGE_CONFLICT: 412,
  EDGE_LIMIT: 413,
  EDGE_CONFIG: 422,
  EDGE_TYPE: 422,
  EDGE_RANGE: 422,
  EDGE_STORAGE: 503,
  EDGE_TIMEOUT: 504,
};

/** An error whose status differs from its code's, or whose answer carries headers. */
export class Refusal extends EdgeError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: { hint?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, message, options.hint === undefined ? {} : { hint: options.hint });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** What a client is told. The message of a defect stays in the log: it may name anything. */
export function problemOf(error: EdgeError): Problem {
  const status = error instanceof Refusal ? error.status : (STATUS[error.code] ?? 500);
  return {
    type: `urn:edgetwin:error:${error.code}`,
    title: ERROR_CODES[error.code].meaning,
    status,
    detail: status === 500 ? 'The request failed; the log of the program says why.' : error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.code === 'EDGE_CONFIG' ? issuesOf(error) : {}),
  };
}

function issuesOf({ details }: EdgeError): Pick<Problem, 'issues'> {
  const { issues } = (details ?? {}) as { readonly issues?: readonly ProblemIssue[] };
  return issues === undefined ? {} : { issues: issues.slice(0, ISSUES_MAX) };
}
