/** Shows how far a long command has come: a bar that is redrawn on a terminal, a line now and then elsewhere. */
export interface Progress {
  /** @param total undefined while it is not known */
  update: (done: number, total: number | undefined, note?: string) => void;
  /** Wipes the bar, so that what is printed next stands alone. */
  end: () => void;
}

interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const WIDTH = 24;

/** @param screen where to; standard output belongs to the results */
export function showProgress(
  what: string,
  screen: Screen = process.stderr,
  now: () => number = Date.now,
): Progress {
  let last = screen.isTTY ? 0 : now(); // what ends within a moment needs no line
  let drawn = false;
  return {
    update: (done, total, note) => {
      if (now() - last < (screen.isTTY ? REDRAW_MS : LINE_MS)) return;
      last = now();
      const counted = total === undefined ? `${done}` : `${done} of ${total}`;
      const after = note ? `, ${note}` : '';
      if (!screen.isTTY) return screen.write(`${what}: ${counted}${after}\n`);
      drawn = true;
      screen.write(`\r\x1b[K${what} ${total ? `${bar(done / total)} ` : ''}${counted}${after}`);
    },
    end: () => {
      if (drawn) screen.write('\r\x1b[K');
      drawn = false;
    },
  };
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}]`;
}
