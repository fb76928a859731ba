// The page's terminal in a real Chromium: commands on both machines and on one, what it shows, its keys, and that it is one
// of the things that the page does one at a time.

import { chromium, type Browser, type Page } from 'playwright';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WEB } from '../../host/cli/root.ts';
import { serve, type Served } from '../../host/cli/server.ts';
import { findChromium } from '../../scripts/setup.mjs';

const SECOND = 1000;

describe('the terminal of the page', () => {
  let browser: Browser;
  let served: Served;
  let page: Page;
  const complaints: string[] = [];
  const status = () => page.getByRole('status');
  const input = () => page.getByLabel('command', { exact: false }).and(page.locator('input[type=text]'));
  const screen = () => page.getByRole('log', { name: 'what the commands printed' });

  beforeAll(async () => {
    const executablePath = await findChromium();
    browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    served = await serve(WEB, 0);
    page = await browser.newPage();
    page.setDefaultTimeout(30 * SECOND);
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(served.url);
    await status().getByText('Both machines are running.').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    expect(complaints).toEqual([]);
  });
  beforeEach(async () => {
    await page.getByRole('button', { name: 'Clear' }).click();
  });

  const start = async (text: string): Promise<void> => {
    await input().fill(text);
    await input().press('Enter');
  };
  const run = async (text: string): Promise<void> => {
    await start(text);
    await status().getByText(`${text}: done.`, { exact: true }).waitFor();
  };
  /** What was printed in rows: the mark, the left and the right. */
  const rows = () =>
    screen()
      .locator('.row')
      .evaluateAll((found) =>
        found.map((row) => [
          (row as HTMLElement).dataset['mark'],
          ...['.monolithic', '.microkernel'].map((side) => row.querySelector(side)?.textContent),
        ]),
      );

  test('runs a line on both machines, and marks what differs', async () => {
    await run('echo hello; kill zero');
    const [hello, killed, ended] = await rows();
    expect(hello).toEqual(['=', 'hello', 'hello']);
    expect(killed?.[0]).toBe('<');
    expect(killed?.[1]).toMatch(/^kill: \(zero\) - Operation not permitted/);
    expect(ended).toEqual(['|', 'exit status 1', 'exit status 0']);
    expect(await screen().locator('.command').allInnerTexts()).toEqual([
      'both# echo hello',
      'both# kill zero',
    ]);
    expect(await screen().locator('.row .error').count()).toBeGreaterThan(0);
  });

  test('knows modules that no experiment needs', async () => {
    await run('modprobe stacked; rmmod base; modprobe -r stacked');
    const refused = 'rmmod: ERROR: Module base is in use by: stacked';
    expect(await rows()).toEqual([['=', refused, refused]]);
  });

  test('works on the machines that the page shows', async () => {
    await run('rmmod lkdtm; rmmod ramdisk');
    const lkdtm = (side: string) => page.locator(`section.pane.${side} .drivers tr`, { hasText: 'lkdtm' });
    await lkdtm('monolithic').waitFor({ state: 'detached' });
    await lkdtm('microkernel').waitFor({ state: 'detached' });
    // The experiments begin with machines that have what they need.
    await page.getByRole('button', { name: /^BUG/ }).click();
    await status()
      .getByText(/^BUG done\./)
      .waitFor();
    expect(await page.locator('article.fault .microkernel .badge').innerText()).toBe('driver restarted');
  });

  test('runs on one machine alone, and stops at Ctrl-C or by the button', async () => {
    await page.getByRole('radio', { name: 'Monolithic' }).check();
    await run('echo one; cat /nope');
    expect(await screen().locator('.out').allInnerTexts()).toEqual([
      'one',
      'cat: /nope: No such file or directory',
    ]);
    expect(await screen().locator('.out.error').count()).toBe(1);
    for (const stop of ['key', 'button'] as const) {
      await start('cat /dev/zero; echo never');
      await page.getByRole('button', { name: 'Stop' }).waitFor();
      expect(await page.getByRole('button', { name: /^BUG/ }).isDisabled()).toBe(true);
      if (stop === 'key') await input().press('Control+c');
      else await page.getByRole('button', { name: 'Stop' }).click();
      await status().getByText('cat /dev/zero; echo never: stopped.').waitFor();
    }
    expect((await screen().locator('.out').allInnerTexts()).join('')).not.toContain('never');
    expect(await page.getByRole('button', { name: /^BUG/ }).isDisabled()).toBe(false);
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(false);
    await page.getByRole('radio', { name: 'Both machines' }).check();
  });

  test('remembers lines and completes words', async () => {
    await run('echo first');
    await run('echo second');
    await input().press('ArrowUp');
    await input().press('ArrowUp');
    expect(await input().inputValue()).toBe('echo first');
    await input().press('ArrowDown');
    await input().press('ArrowDown');
    expect(await input().inputValue()).toBe('');
    await input().pressSequentially('hexd');
    await input().press('Tab');
    await expect.poll(() => input().inputValue()).toBe('hexdump ');
    await input().pressSequentially('/dev/ra');
    await input().press('Tab');
    await expect.poll(() => input().inputValue()).toBe('hexdump /dev/ramdisk ');
    await input().fill('');
  });

  test('says what it does not understand, and goes on', async () => {
    await run("echo 'open");
    expect((await rows())[0]).toEqual([
      '=',
      ...Array<string>(2).fill("isolab: line 1: syntax error: unterminated quoted string: '"),
    ]);
    await run('echo seen; clear; echo cleared');
    await expect.poll(() => screen().innerText()).toContain('cleared');
    expect(await screen().innerText()).not.toContain('open');
    await run('exit 3');
    expect(await screen().innerText()).toContain('This terminal stays open.');
    await run('echo $?');
    expect((await rows()).at(-1)).toEqual(['=', '3', '3']);
  });

  test('whatever is taken away, a fault finds its drivers, and Reboot brings them back', async () => {
    const sentences = page.locator('article.fault .sentence');
    const bug = async (): Promise<string[]> => {
      await page.getByRole('button', { name: /^BUG/ }).click();
      await status()
        .getByText(/^BUG done\./)
        .waitFor();
      return sentences.allInnerTexts();
    };
    await page.getByLabel('Begin with clean machines').uncheck();
    await run('rmmod lkdtm; rmmod ramdisk');
    expect((await bug()).join()).not.toContain('could not be observed');
    // What cannot be had without a reboot is said.
    await run('rm /dev/zero');
    for (const sentence of await bug())
      expect(sentence).toContain('/dev/zero cannot be opened: No such file or directory. Reboot it.');
    await run('rmmod ramdisk; rmmod -f null');
    for (const side of ['monolithic', 'microkernel']) {
      await page.getByRole('button', { name: `Reboot the ${side} machine` }).click();
      await status().getByText(`The ${side} machine has been rebooted.`).waitFor();
      expect(await page.locator(`section.pane.${side} .drivers tbody tr`).count()).toBe(4);
    }
    expect(await page.locator('.errors').innerText()).toBe('');
  });
});
