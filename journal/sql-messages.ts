/** A value of SQLite. */
export type SqlValue = number | string | Uint8Array | null;

/** What the view asks of the worker, one at a time, each answered by one SqlAnswer. */
export type SqlRequest =
  /** A new, empty database with these tables. */
  | {
      readonly kind: 'begin';
      readonly tables: readonly { readonly name: string; readonly fields: readonly string[] }[];
    }
  /** JSON of an array of [key, row]. */
  | { readonly kind: 'load'; readonly table: string; readonly rows: string }
  | {
      readonly kind: 'query';
      readonly sql: string;
      readonly params: readonly SqlValue[];
      readonly rowsMax: number;
      readonly bytesMax: number;
    }
  | { readonly kind: 'export' };

export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** True when there were more rows than asked for, or more bytes than a result may have. */
  readonly truncated: boolean;
}

export type SqlAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'rows'; readonly result: SqlRows }
  | { readonly kind: 'image'; readonly image: Uint8Array }
  /** `refused`: the statement is not one that may run here, rather than wrong SQL. */
  | { readonly kind: 'error'; readonly message: string; readonly refused: boolean };
