// Somebody who has nothing of this project but drivers/include/isolab.h: the header alone in a folder, a driver beside it, the
// two commands that stand at the header's top. What comes out is loaded, called, oopses and is removed, on both placements.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCTools } from '../../host/cli/files/c-file.ts';
import { loadModuleFile, nodeLab } from '../../host/cli/machines.ts';
import { ROOT } from '../../host/cli/root.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { Killed } from '../../host/machine/shared/control.ts';
import { EIO } from '../../kernel/abi/errno.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import {
  bytes,
  driverIs,
  expectLine,
  isFault,
  nextEvent,
  PLACEMENTS,
  text,
  withMachine,
} from '../support/machine.ts';

const HEADER = join(ROOT, 'drivers/include/isolab.h');

const BLINK = `#include "isolab.h"

MODULE_LICENSE("GPL");
MODULE_AUTHOR("somebody");
MODULE_DESCRIPTION("Lamps in a row");

#define LAMPS 8
static unsigned int lamps = LAMPS;
module_param(lamps, uint, 0444);
MODULE_PARM_DESC(lamps, "how many, at most 8");

struct lamp {
  const char *colour;
  bool on;
};
static struct lamp row[LAMPS] = { { "red", false }, { "green", false }, { "blue", false }, { "white", true } };
static int major;

static void blow(struct lamp *lamp, int volts)
{
  if (volts > 250) BUG();
  lamp->on = volts > 0;
}

static ssize_t blink_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
  char line[128];
  size_t length = 0;

  (void)file;
  for (unsigned int i = 0; i < lamps; i++)
    if (row[i].colour && row[i].on)
      length += snprintf(line + length, sizeof(line) - length, "%s%s", length ? " " : "", row[i].colour);
  if (*position >= (loff_t)length) return 0;
  count = min(count, length - (size_t)*position);
  if (copy_to_user(to, line + *position, count)) return -EFAULT;
  *position += count;
  return count;
}

static ssize_t blink_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
  char *word = kzalloc(count + 1, GFP_KERNEL);
  ssize_t result = -ENOENT;

  (void)file;
  (void)position;
  if (!word) return -ENOMEM;
  if (copy_from_user(word, from, count)) result = -EFAULT;
  else
    for (unsigned int i = 0; i < lamps; i++)
      if (row[i].colour && !strcmp(row[i].colour, word)) {
        row[i].on = !row[i].on;
        result = count;
      }
  kfree(word);
  return result;
}

static long blink_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
  (void)file;
  if (command >= lamps) return -EINVAL;
  blow(&row[command], (int)argument);
  return 0;
}

static const struct file_operations blink_operations = {
  .read = blink_read,
  .write = blink_write,
  .unlocked_ioctl = blink_ioctl,
};

static int __init blink_init(void)
{
  if (lamps > LAMPS) return -EINVAL;
  major = register_chrdev(0, "blink", &blink_operations);
  if (major < 0) return major;
  printk(KERN_INFO "blink: %u lamps\\n", lamps);
  return 0;
}

static void __exit blink_exit(void)
{
  unregister_chrdev(major, "blink");
}

module_init(blink_init);
module_exit(blink_exit);
`;

let folder: string;
let blink: LoadedModule;

/** The commands of the header's first comment, each on one line. */
function commands(): string[] {
  const head = readFileSync(HEADER, 'utf8');
  const lines = head
    .slice(0, head.indexOf('*/'))
    .replace(/\\\n \*/g, '')
    .split('\n');
  return lines.flatMap((line) => /^ \* {3}((?:clang|wasm-ld) .*)$/.exec(line)?.[1] ?? []);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isolab-only-'));
  copyFileSync(HEADER, join(folder, 'isolab.h'));
  writeFileSync(join(folder, 'blink.c'), BLINK);
  expect(commands()).toHaveLength(2);
  const { clang, linker } = findCTools();
  for (const command of commands()) {
    const [program, ...args] = command.split(/\s+/);
    const [tool, strict] =
      program === 'clang' ? [clang, ['-Wall', '-Wextra', '-Werror']] : [linker, [] as string[]];
    execFileSync(tool, [...args, ...strict], { cwd: folder, encoding: 'utf8' });
  }
  blink = await loadModuleFile(join(folder, 'blink.ko.wasm'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(PLACEMENTS)('on a %s machine', (placement) => {
  const at = withMachine({
    name: placement,
    placement,
    openLab: nodeLab,
    fixture: () => Promise.reject(new Error('there are none')),
  });

  test('it is loaded, called, oopses in its function, and is removed', async () => {
    const start = at.logged;
    await at.machine.insmod(blink, 'lamps=4');
    expectLine(at.log(start), 'blink: 4 lamps');
    let fd = await at.console.open('/dev/blink', O_RDWR);
    expect(await at.console.write(fd, bytes('green'))).toBe(5);
    expect(await at.console.ioctl(fd, 0, 230)).toBe(0);
    expect(text((await at.console.read(fd, 100)).data)).toBe('red green white');

    const fault = nextEvent(at.machine, isFault);
    const back = placement === 'microkernel' ? nextEvent(at.machine, driverIs('blink', 'up')) : null;
    const answer = await at.console.ioctl(fd, 0, 400).catch((error: unknown) => {
      if (error instanceof Killed) return 'killed';
      throw error;
    });
    expect(answer).toBe(placement === 'microkernel' ? -EIO : 'killed');
    expect((await fault).fault?.frames[0]).toMatchObject({ module: 'blink' });
    await back;
    await at.machine.settled();
    expectLine(at.log(start), /^kernel BUG at .*blink\.c:\d+!$/);
    expectLine(at.log(start), /(blow|blink_ioctl)\+0x[0-9a-f]+\/0x[0-9a-f]+ \[blink\]/);

    fd = await at.console.open('/dev/blink', O_RDWR);
    // What a restart costs: the lamps are as they were at first.
    expect(text((await at.console.read(fd, 100)).data)).toBe(
      placement === 'microkernel' ? 'white' : 'red green white',
    );
    await at.console.close(fd);
    await at.machine.rmmod('blink');
    expect(at.machine.lsmod()).toEqual([]);
    expect(at.machine.check()).toEqual([]);
  });
});
