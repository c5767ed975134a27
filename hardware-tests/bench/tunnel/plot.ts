/** Lines over a few points, as SVG that reads in light and dark. */
export interface Plot {
  readonly title: string;
  readonly x: { readonly label: string; readonly values: readonly (number | string)[] };
  readonly y: {
    readonly label: string;
    readonly log?: boolean;
    readonly max: number;
    readonly min: number;
  };
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const WIDTH = 720;
const HEIGHT = 400;
const BOX = { left: 64, top: 44, right: 540, bottom: 344 };
const COLOURS = ['#0b7285', '#e8590c', '#5f3dc4', '#2b8a3e', '#c92a2a', '#868e96'];

export function drawPlot({ title, x, y, lines }: Plot): string {
  const across = (index: number): number =>
    BOX.left + ((BOX.right - BOX.left) * index) / Math.max(1, x.values.length - 1);
  const scale = (value: number): number => (y.log === true ? Math.log10(value) : value);
  const up = (value: number): number => {
    const clipped = Math.min(Math.max(value, y.min), y.max);
    const share = (scale(clipped) - scale(y.min)) / (scale(y.max) - scale(y.min));
    return BOX.bottom - (BOX.bottom - BOX.top) * share;
  };
  const text = (left: number, top: number, content: string | number, more = ''): string =>
    `<text x="${left.toFixed(0)}" y="${top.toFixed(0)}" ${more}>${content}</text>`;
  const grid = ticks(y).flatMap((tick) => [
    `<line x1="${BOX.left}" x2="${BOX.right}" y1="${up(tick).toFixed(1)}" y2="${up(tick).toFixed(1)}" stroke="#888" stroke-opacity="0.3"/>`,
    text(BOX.left - 8, up(tick) + 4, Number(tick.toFixed(2)), 'text-anchor="end"'),
  ]);
  const columns = x.values.map((value, index) =>
    text(across(index), BOX.bottom + 20, value, 'text-anchor="middle"'),
  );
  const curves = lines.flatMap(({ name, values }, line) => {
    const colour = COLOURS[line % COLOURS.length] ?? '#000';
    const points = values.map(
      (value, index) => `${across(index).toFixed(1)},${up(value).toFixed(1)}`,
    );
    // What is beyond the plot is drawn at its edge, hollow.
    const dots = values.map((value, index) => {
      const fill = value > y.max ? 'white' : colour;
      return `<circle cx="${across(index).toFixed(1)}" cy="${up(value).toFixed(1)}" r="3.5" fill="${fill}" stroke="${colour}"/>`;
    });
    return [
      `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      text(
        BOX.right + 16,
        BOX.top + 12 + 22 * line,
        name,
        `fill="${colour}" style="fill:${colour}"`,
      ),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(BOX.left, 24, title, 'font-weight="bold"'),
    ...grid,
    ...columns,
    text((BOX.left + BOX.right) / 2, HEIGHT - 14, x.label, 'text-anchor="middle"'),
    text(16, BOX.top - 6, y.label, 'font-size="11"'),
    ...curves,
    '</svg>',
    '',
  ].join('\n');
}

function ticks({ log, min, max }: Plot['y']): number[] {
  if (log !== true) return Array.from({ length: 6 }, (_, index) => min + ((max - min) * index) / 5);
  const all = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
  return all.filter((tick) => tick >= min && tick <= max);
}
