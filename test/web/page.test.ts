// The page itself, as it is built and served, in a real Chromium: its main path, what of it
// runs on one thread, and what it says where it cannot run.

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WEB } from '../../host/cli/root.ts';
import { serve, type Served } from '../../host/cli/server.ts';
import { findChromium } from '../../scripts/setup.mjs';

const SECOND = 1000;
const SIDES = ['monolithic', 'microkernel'] as const;

let browser: Browser;
beforeAll(async () => {
  const executablePath = await findChromium();
  browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});
afterAll(() => browser.close());

/**
 * Opens a page; everything it complains about is collected.
 * @param withheld requests that are never answered
 * @param script is run before the page's own
 */
async function open(url: string, withheld = '', script = ''): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  if (withheld !== '') await page.route(withheld, () => undefined);
  await page.addInitScript(script);
  page.setDefaultTimeout(30 * SECOND);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

describe('the page as it is served', () => {
  let served: Served;
  let page: Page;
  let complaints: string[];
  const status = () => page.getByRole('status');
  const pane = (side: string) => page.locator(`section.pane.${side}`);

  beforeAll(async () => {
    served = await serve(WEB, 0);
    ({ page, complaints } = await open(served.url));
    await status().getByText('Both machines are running.').waitFor();
  });
  afterAll(async () => {
    await page.close();
    await served.close();
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    expect(await page.locator('.errors').innerText()).toBe('');
  });

  test('is cross-origin isolated and shows both machines running the same files', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    for (const side of SIDES) {
      expect(await pane(side).locator('.pane-head .badge').innerText()).toBe('running');
      expect(await pane(side).locator('.drivers tbody tr').count()).toBe(4);
      expect(await pane(side).locator('.same').allInnerTexts()).toEqual(Array(4).fill('= same file'));
      await pane(side).getByText('isolab kernel, boot 1').waitFor();
    }
    const hashes = (side: string) =>
      pane(side)
        .locator('.hash')
        .evaluateAll((buttons) => buttons.map((button) => button.getAttribute('title')));
    expect(await hashes('monolithic')).toEqual(await hashes('microkernel'));
    expect((await hashes('monolithic'))[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  test('another program reads on both machines', async () => {
    for (const side of SIDES)
      await pane(side)
        .getByText(/reads \/dev\/zero; since boot [1-9]\d* calls, 0 failed/)
        .waitFor();
  });

  test('does a fault to both at once and says on each side what happened', async () => {
    await page.getByRole('button', { name: /^BUG/ }).click();
    await status()
      .getByText(/^BUG done\./)
      .waitFor();
    const sentence = (side: string) => page.locator(`article.fault .side.${side} .sentence`).innerText();
    expect(await sentence('monolithic')).toMatch(/^(Noticed|The whole machine went down|The call failed)/);
    expect(await sentence('microkernel')).toMatch(/^Only the driver went down/);
    expect(await page.locator('article.fault .microkernel .badge').innerText()).toBe('driver restarted');
    const row = pane('microkernel').locator('.drivers tr', { hasText: 'lkdtm' });
    expect(await row.locator('td.number').allInnerTexts()).toEqual(['2', '1']);
    for (const side of SIDES) {
      await pane(side)
        .getByText(/at drivers\/lkdtm\.ts:\d+:\d+$/)
        .first()
        .waitFor();
      await pane(side)
        .getByText(/since BUG began [1-9]\d* calls, 0 failed/)
        .waitFor();
    }
  });

  test('measures calls and shows no time without its floor', async () => {
    await page.getByRole('button', { name: 'Measure calls' }).click();
    await status()
      .getByText('Calls measured.')
      .waitFor({ timeout: 100 * SECOND });
    const rows = page.locator('table.calls tr.values');
    expect(await rows.count()).toBe(5);
    for (const text of await rows.allInnerTexts()) {
      expect(text).toMatch(/indirect call|shared-memory round trip|memory copy/);
      // A computer that is busy otherwise may leave a gap, which is shown as one.
      expect(text.match(/[\d.]+×|not measured/g)).toHaveLength(2);
    }
  });

  test('reboots one machine and leaves the other alone', async () => {
    const boot = async (side: string) =>
      /boot (\d+)/.exec(await pane(side).locator('.facts').innerText())?.[1];
    const [one, other] = [Number(await boot('monolithic')), Number(await boot('microkernel'))];
    await page.getByRole('button', { name: 'Reboot the monolithic machine' }).click();
    await status().getByText('The monolithic machine has been rebooted.').waitFor();
    expect(Number(await boot('monolithic'))).toBe(one + 1);
    expect(Number(await boot('microkernel'))).toBe(other);
  });

  test('shows what has failed, and goes on when that is over', async () => {
    await page.evaluate(() => {
      const workers = window as unknown as { Worker: unknown; kept: unknown };
      workers.kept = workers.Worker;
      workers.Worker = class {
        constructor() {
          throw new Error('no more threads');
        }
      };
    });
    const reboot = page.getByRole('button', { name: 'Reboot the microkernel machine' });
    const failed = status().getByText('Rebooting the microkernel machine: failed.');
    const over = status().getByText(/^The microkernel machine has been rebooted|: failed\.$/);
    do {
      // One that has a spare thread comes up once more.
      await reboot.click();
      await over.waitFor();
    } while (!(await failed.isVisible()));
    expect(await page.locator('.errors').innerText()).toContain('no more threads');
    await page.evaluate('window.Worker = window.kept');
    await reboot.click();
    await status().getByText('The microkernel machine has been rebooted.').waitFor();
  });
});

/** The built page with any headers, as some static host might serve it. */
async function host(headers: Record<string, string>): Promise<{ server: Server; url: string }> {
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = path.endsWith('/') ? `${path}index.html` : path;
    response.writeHead(200, {
      ...headers,
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    });
    response.end(readFileSync(join(WEB, file)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const OPENER = 'the header Cross-Origin-Opener-Policy: same-origin';
const EMBEDDER = 'the header Cross-Origin-Embedder-Policy: require-corp';

describe('the page without cross-origin isolation', () => {
  let server: Server;
  let page: Page;
  let complaints: string[];
  const openWith = async (headers: Record<string, string>, path = '', withheld = ''): Promise<void> => {
    const hosted = await host(headers);
    server = hosted.server;
    ({ page, complaints } = await open(`${hosted.url}${path}`, withheld));
  };
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await page.close();
    server.close();
    server.closeAllConnections();
  });

  test.each([
    ['neither header', {}, [OPENER, EMBEDDER]],
    ['one of them', { 'Cross-Origin-Opener-Policy': 'same-origin' }, [EMBEDDER]],
    [
      'another value',
      { 'Cross-Origin-Opener-Policy': 'unsafe-none', 'Cross-Origin-Embedder-Policy': 'require-corp' },
      [OPENER],
    ],
  ])('names what is missing with %s', async (_, headers: Record<string, string>, missing) => {
    await openWith(headers, '', '**/images/*'); // no machine is needed here
    await page.getByRole('heading', { name: 'This page has one thread only' }).waitFor();
    await page.locator('.lost summary').click();
    expect(await page.locator('.lost details strong').allInnerTexts()).toEqual(missing);
    expect(await page.locator('.lost details').innerText()).toContain('npm start');
  });

  test('runs the monolith and a sandbox on its own thread, and says what is lost', async () => {
    await openWith({});
    const said = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
    await said('Both machines are running.');
    expect(await page.evaluate(() => [crossOriginIsolated, typeof SharedArrayBuffer])).toEqual([
      false,
      'undefined',
    ]);
    expect(await page.locator('.pane-head h2').allInnerTexts()).toEqual(['Monolithic', 'Sandbox']);
    expect(await page.locator('.pane-head .badge').allInnerTexts()).toEqual(['running', 'running']);
    const lost = (await page.locator('.lost > ul strong').allInnerTexts()).join();
    for (const what of ['microkernel', 'pools', 'hang', 'comparison', 'ring, wait, postmessage, comlink'])
      expect(lost).toContain(what);
    expect(await page.getByRole('button', { name: /^LOOP/ }).isDisabled()).toBe(true);

    const command = page.getByRole('textbox');
    await command.fill('echo -n wxyz > /dev/ramdisk; head -c 4 /dev/ramdisk; ls /dev/null');
    await command.press('Enter');
    await said(/: done\.$/);
    const printed = await page.locator('.screen .row').allInnerTexts();
    expect(printed.map((row) => row.split(/\s+/))).toEqual([
      ['wxyz', 'wxyz'],
      ['/dev/null', '/dev/null'],
    ]);

    await page.getByRole('button', { name: /^BUG/ }).click();
    await said('BUG done. monolithic: damage found, sandbox: driver restarted.');
    const row = page.locator('.pane.microkernel .drivers tr', { hasText: 'lkdtm' });
    expect(await row.locator('td.number').allInnerTexts()).toEqual(['2', '1']);
    for (const side of SIDES) {
      const pane = page.locator(`.pane.${side}`);
      await pane.getByText(/since BUG began [1-9]\d* calls, 0 failed/).waitFor();
      await pane
        .getByText(/at drivers\/lkdtm\.ts:\d+:\d+$/)
        .first()
        .waitFor();
    }
    expect(await page.locator('.errors').innerText()).toBe('');
  });

  test('runs no machine where the browser lacks what each of them needs, and names it', async () => {
    await openWith({}, '', '**/images/*');
    await page.addInitScript('delete Atomics.waitAsync');
    await page.reload();
    await page.getByRole('heading', { name: 'The machines cannot run here' }).waitFor();
    expect(await page.locator('.notice li strong').allInnerTexts()).toEqual(['Atomics.waitAsync']);
  });

  test('climbs the rungs of the ladder that need one thread, and says why not the others', async () => {
    await openWith({}, 'ladder.html?boots=1&samples=3');
    const table = await page.locator('pre.measured').innerText();
    expect(table).toContain('not cross-origin isolated');
    for (const rung of ['direct', 'gate']) expect(table).toMatch(new RegExp(`^  ${rung} +[\\d.]+ ns`, 'm'));
    for (const rung of ['ring-spin', 'ring', 'wait', 'postmessage', 'comlink'])
      expect(table).toMatch(new RegExp(`^  ${rung} +memory cannot be shared with another thread`, 'm'));
    expect(table).toContain(`This page lacks ${OPENER} and ${EMBEDDER}.`);
  });
});

describe('an isolated page that cannot send memory to a thread', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve(WEB, 0);
  });
  afterAll(() => served.close());

  /** As WebKitGTK has it. */
  const REFUSING = `
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message instanceof WebAssembly.Memory)
        throw new DOMException('The object can not be cloned.', 'DataCloneError');
      return post.call(this, message, ...more);
    };`;

  test('runs on one thread and says why', async () => {
    const { page, complaints } = await open(served.url, '', REFUSING);
    await page.getByRole('status').getByText('Both machines are running.').waitFor();
    expect(await page.locator('.pane-head h2').allInnerTexts()).toEqual(['Monolithic', 'Sandbox']);
    expect(await page.locator('.lost summary').innerText()).toBe('Why: it lacks threads that share memory.');
    expect(await page.locator('.lost details li').innerText()).toContain(
      'DataCloneError: The object can not be cloned.',
    );
    expect(await page.locator('.lost').innerText()).not.toMatch(/npm start|not isolated|clock/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('measures no recovery there, and says why', async () => {
    const { page } = await open(`${served.url}recovery.html`, '', REFUSING);
    await page.getByText('for which this page lacks threads that share memory').waitFor();
    await page.close();
  });

  test.each([
    [
      'whose code does not come',
      'class { constructor() { queueMicrotask(() => this.onerror(new ErrorEvent("error", { cancelable: true, message: "404" }))); } postMessage() {} terminate() {} }',
      'The code of a thread cannot be loaded: 404',
    ],
    [
      'to which it does not arrive',
      'class { postMessage() { queueMicrotask(() => this.onmessage({ data: null })); } terminate() {} }',
      'it does not arrive',
    ],
  ])('says so of one %s', async (_, worker, reason) => {
    const { page, complaints } = await open(served.url, '**/images/*', `globalThis.Worker = ${worker}`);
    await page.locator('.lost details li').getByText(reason).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
