import { EdgeError } from '#protocol/errors.js';

/**
 * Arithmetic over properties, as a configuration file may ask for: numbers, names, + - * / %,
 * parentheses, and the functions below. No loops, no strings, nothing of this program in reach.
 */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly apply: Apply; readonly of: readonly Expression[] };

type Apply = (...values: number[]) => number;

const FUNCTIONS: Readonly<Record<string, { readonly apply: Apply; readonly most: number }>> = {
  abs: { apply: (a = 0) => Math.abs(a), most: 1 },
  sqrt: { apply: (a = 0) => Math.sqrt(a), most: 1 },
  round: {
    apply: (a = 0, places = 0) => Number(`${Math.round(Number(`${a}e${places}`))}e${-places}`),
    most: 2,
  },
  min: { apply: (...all) => Math.min(...all), most: 16 },
  max: { apply: (...all) => Math.max(...all), most: 16 },
};
const OPERATORS: Readonly<Record<string, { readonly apply: Apply; readonly level: number }>> = {
  '+': { apply: (a = 0, b = 0) => a + b, level: 1 },
  '-': { apply: (a = 0, b = 0) => a - b, level: 1 },
  '*': { apply: (a = 0, b = 0) => a * b, level: 2 },
  '/': { apply: (a = 0, b = 0) => a / b, level: 2 },
  '%': { apply: (a = 0, b = 0) => a % b, level: 2 },
};
const TOKEN = /\s*(\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?|[A-Za-z_][\w-]*|[-+*/%(),])/iy;
const TOKENS_MAX = 200;
const DEPTH_MAX = 32;

/** Throws EDGE_CONFIG with what is wrong. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokensOf(text));
  const expression = parser.binary(1);
  parser.end();
  return expression;
}

/** Names of the properties that it needs, each once. */
export function namesIn(expression: Expression): readonly string[] {
  if (expression.kind === 'name') return [expression.name];
  if (expression.kind === 'number') return [];
  return [...new Set(expression.of.flatMap(namesIn))];
}

/** NaN when a name has no value. */
export function evaluate(expression: Expression, values: ReadonlyMap<string, number>): number {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'name':
      return values.get(expression.name) ?? NaN;
    case 'call':
      return expression.apply(...expression.of.map((one) => evaluate(one, values)));
  }
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  binary(level: number): Expression {
    let left = level === 2 ? this.#unary() : this.binary(level + 1);
    for (;;) {
      const operator = OPERATORS[this.#peek()];
      if (operator?.level !== level) return left;
      this.#at += 1;
      const right = level === 2 ? this.#unary() : this.binary(level + 1);
      left = { kind: 'call', apply: operator.apply, of: [left, right] };
    }
  }

  end(): void {
    if (this.#peek() !== '') throw wrong(`${this.#peek()} is not expected there`);
  }

  #unary(): Expression {
    if (!this.#takes('-')) return this.#atom();
    return { kind: 'call', apply: (a = 0) => -a, of: [this.#nested(() => this.#unary())] };
  }

  #atom(): Expression {
    const token = this.#peek();
    this.#at += 1;
    if (token === '(') {
      const inner = this.#nested(() => this.binary(1));
      if (!this.#takes(')')) throw wrong('a ) is missing');
      return inner;
    }
    if (/^\d/.test(token)) return { kind: 'number', value: Number(token) };
    if (!/^[A-Za-z_]/.test(token))
      throw wrong(token === '' ? 'it ends too early' : `${token} is not expected there`);
    if (!this.#takes('(')) return { kind: 'name', name: token };
    return this.#call(token);
  }

  #call(name: string): Expression {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined)
      throw wrong(`there is no function ${name}; there are ${Object.keys(FUNCTIONS).join(', ')}`);
    const of: Expression[] = [];
    do of.push(this.#nested(() => this.binary(1)));
    while (this.#takes(','));
    if (!this.#takes(')')) throw wrong('a ) is missing');
    if (of.length > known.most) throw wrong(`${name} takes at most ${known.most} values`);
    return { kind: 'call', apply: known.apply, of };
  }

  #nested(parse: () => Expression): Expression {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw wrong('it is nested too deeply');
    const expression = parse();
    this.#depth -= 1;
    return expression;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #takes(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at += 1;
    return true;
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw wrong(`${text.slice(at, at + 10).trim()} is not understood`);
    tokens.push(token);
    if (tokens.length > TOKENS_MAX) throw wrong(`it has more than ${TOKENS_MAX} parts`);
  }
  return tokens;
}

function wrong(why: string): EdgeError {
  return new EdgeError('EDGE_CONFIG', why, {
    hint: 'Use numbers, names of properties of the device, + - * / %, parentheses and functions.',
  });
}
