// A page that measures when it is opened: shows progress, then the table, and leaves the report in `globalThis.measured` for
// whoever drives the browser (host/cli/in-chromium.ts).

import { h, messageOf, setText } from './views/dom.ts';

declare global {
  /** Ends the measurement before its time. */
  var interrupt: () => void;
  var measured: { report?: unknown; problem?: string } | undefined;
}

/**
 * @param measure is given the page's address, a way to say what it is at, and what ends it before its time
 * @param render  the report as a table
 */
export function measuringPage<Report>(
  measure: (query: URLSearchParams, show: (text: string) => void, signal: AbortSignal) => Promise<Report>,
  render: (report: Report) => string,
): void {
  const main = document.getElementById('main');
  if (!main) throw new Error('the page has no element: main');
  const line = h('p', { class: 'fine', role: 'status' }, 'Starting …');
  main.replaceChildren(line);
  const show = (text: string): void => {
    setText(line, text);
    console.info(text);
  };
  const controller = new AbortController();
  globalThis.interrupt = () => controller.abort();
  measure(new URLSearchParams(location.search), show, controller.signal).then(
    (report) => {
      main.replaceChildren(h('pre', { class: 'measured' }, render(report)));
      globalThis.measured = { report };
    },
    (error: unknown) => {
      main.replaceChildren(h('p', { class: 'errors', role: 'alert' }, messageOf(error)));
      globalThis.measured = { problem: messageOf(error) };
    },
  );
}

/** A positive number of the address. */
export function number(query: URLSearchParams, name: string): number | undefined {
  const value = Number(query.get(name) ?? NaN);
  return value > 0 ? value : undefined;
}
