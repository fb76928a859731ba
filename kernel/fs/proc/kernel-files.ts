// The kernel's own files in /proc.

import { DEV_MAJOR, DEV_NAME } from '../../abi/file';
import { MAX_DEVICES } from '../../abi/limits';
import { VERSION } from '../../abi/version';
import { now } from '../../lib/host';
import { log_epoch } from '../../lib/log';
import { cstr } from '../../lib/cstr';
import { index_of } from '../../lib/function';
import { module_files_init } from '../../module/show';
import { buddyinfo_show, meminfo_show, slabinfo_show, vmallocinfo_show } from '../../mm/show';
import { device_at } from '../devices';
import { proc_create_single } from './proc';
import { seq, seq_puts } from './seq';

/** VERSION as a C string. */
export const version_text = memory.data(32);

export function kernel_files_init(): void {
  for (let i = 0; i < VERSION.length; i++) store<u8>(version_text + i, <u8>VERSION.charCodeAt(i));
  module_files_init();
  proc_create_single(cstr('devices'), 0, 0, index_of(devices_show));
  proc_create_single(cstr('version'), 0, 0, index_of(version_show));
  proc_create_single(cstr('uptime'), 0, 0, index_of(uptime_show));
  proc_create_single(cstr('filesystems'), 0, 0, index_of(filesystems_show));
  proc_create_single(cstr('mounts'), 0, 0, index_of(mounts_show));
  proc_create_single(cstr('meminfo'), 0, 0, index_of(meminfo_show));
  proc_create_single(cstr('buddyinfo'), 0, 0, index_of(buddyinfo_show));
  proc_create_single(cstr('slabinfo'), 0o400, 0, index_of(slabinfo_show));
  proc_create_single(cstr('vmallocinfo'), 0o400, 0, index_of(vmallocinfo_show));
}

/** Lists the devices by major number, as Linux does. */
function devices_show(m: usize, _v: usize): i32 {
  seq_puts(m, cstr('Character devices:\n'));
  for (let major: u32 = 1; major < 512; major++) {
    for (let i = 0; i < MAX_DEVICES; i++) {
      const dev = device_at(i);
      if (load<u32>(dev, DEV_MAJOR) == major) seq(m, cstr('%3d %s\n'), major, dev + DEV_NAME);
    }
  }
  seq_puts(m, cstr('\nBlock devices:\n'));
  return 0;
}

function version_show(m: usize, _v: usize): i32 {
  seq(m, cstr('isolab version %s (AssemblyScript, wasm32) SMP\n'), version_text);
  return 0;
}

function filesystems_show(m: usize, _v: usize): i32 {
  seq_puts(m, cstr('nodev\tdevtmpfs\nnodev\tproc\nnodev\tsysfs\n'));
  return 0;
}

/** A fixed list: what tree_init makes. */
function mounts_show(m: usize, _v: usize): i32 {
  seq_puts(m, cstr('devtmpfs /dev devtmpfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n'));
  return 0;
}

/** Seconds since boot; idle time is not counted. */
function uptime_show(m: usize, _v: usize): i32 {
  const hundredths = <u64>((now() - log_epoch()) / 10);
  const seconds = <usize>(hundredths / 100);
  seq(m, cstr('%u.%02u 0.00\n'), seconds, <usize>(hundredths % 100));
  return 0;
}
