// Calls of another driver's functions, at both ends (kernel/ipc/symbols.ts carries them). Scalars are passed by value. Buffers
// are copied in or out, as the kinds of the parameters say, through the caller's gate buffer in the kernel's memory (drawn in
// kernel/abi/channel.ts). Neither driver's wasm sees that buffer. What is read from it is checked before it is used.

import type { Gate } from '../../domain/announce.ts';
import type { Domain } from '../../domain/domain.ts';
import type { DomainExports } from '../../domain/image.ts';
import type { Inserted } from '../../domain/loader.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import type { DriverSide } from '../../ipc/driver-side.ts';
import { exported, type Signature } from '../../linker/module/module-file.ts';
import {
  GATE_COUNT,
  GATE_MOST,
  GATE_PARAMETERS,
  GATE_RESULT,
  GATE_SYMBOL,
} from '../../../kernel/abi/channel.ts';
import { EFAULT, EINVAL, ENOMEM } from '../../../kernel/abi/errno.ts';
import { GFP_KERNEL } from '../../../kernel/abi/gfp.ts';
import { KIND_IN, KIND_LENGTH, KIND_OUT, KIND_SCALAR } from '../../../kernel/abi/module.ts';
import { CALL_GATE_BUFFER, CALL_SYMBOL } from '../../../kernel/abi/operation.ts';

type Value = number | bigint;
type Callable = (...values: Value[]) => Value | undefined;

const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;

function put(view: DataView, at: number, type: number, value: Value): void {
  if (type === I64) view.setBigInt64(at, BigInt(value), true);
  else if (type === F32) view.setFloat32(at, Number(value), true);
  else if (type === F64) view.setFloat64(at, Number(value), true);
  else view.setInt32(at, Number(value), true);
}

function take(view: DataView, at: number, type: number): Value {
  if (type === I64) return view.getBigInt64(at, true);
  if (type === F32) return view.getFloat32(at, true);
  return type === F64 ? view.getFloat64(at, true) : view.getInt32(at, true);
}

/** What a failed call returns: a negative errno where the function returns an integer. */
function failure(signature: Signature, errno: number): Value | undefined {
  const [type] = signature.results;
  if (type === undefined) return undefined;
  return type === I64 ? BigInt(-errno) : -errno;
}

interface Buffer {
  parameter: number;
  kind: number;
  /** Offset in the gate buffer. */
  offset: number;
  length: number;
}

/** Where buffers lie in the gate buffer. */
interface Layout {
  buffers: Buffer[];
  /** Bytes in all. */
  size: number;
}

/** @returns null where a length is out of range */
function layout(kinds: readonly number[], values: readonly Value[]): Layout | null {
  const buffers: Buffer[] = [];
  let size = GATE_PARAMETERS + 8 * kinds.length;
  for (const [parameter, kind] of kinds.entries()) {
    if (kind === KIND_SCALAR || kind === KIND_LENGTH) continue;
    const behind = kinds.indexOf(KIND_LENGTH, parameter);
    const length = behind < 0 ? -1 : Number(values[behind]);
    size = (size + 15) & ~15;
    if (!Number.isInteger(length) || length < 0 || size + length > GATE_MOST) return null;
    buffers.push({ parameter, kind, offset: size, length });
    size += length;
  }
  return { buffers, size };
}

export class Gates {
  private readonly side: DriverSide;
  private readonly domain: Domain<DomainExports>;
  private readonly view: DataView;
  private buffer = 0;
  private capacity = 0;

  constructor(side: DriverSide, domain: Domain<DomainExports>) {
    this.side = side;
    this.domain = domain;
    this.view = new DataView(side.kernelBytes.buffer);
  }

  /** The function that a driver's import of another driver's function is bound to. */
  caller({ name, signature, kinds }: Gate): Callable {
    return (...values) => {
      const result = this.call(name, signature, kinds, values);
      return typeof result === 'object' ? failure(signature, result.errno) : result;
    };
  }

  private call(
    name: string,
    { parameters, results }: Signature,
    kinds: readonly number[],
    values: readonly Value[],
  ): Value | undefined | { errno: number } {
    const { side, domain, view } = this;
    const plan = layout(kinds, values);
    if (!plan) return { errno: EINVAL };
    const { buffers, size } = plan;
    for (const { parameter, length } of buffers) {
      if ((Number(values[parameter]) >>> 0) + length > domain.bytes.length) return { errno: EFAULT };
    }
    if (size > this.capacity) {
      const room = Math.max(size, 4096);
      const allocated = side.call(CALL_GATE_BUFFER, room, 0, 0, 0);
      if (allocated < 0) return { errno: -allocated };
      this.buffer = allocated;
      this.capacity = room;
    }
    const { buffer } = this;
    side.bracket(() => {
      view.setUint32(buffer + GATE_COUNT, kinds.length, true);
      values.forEach((value, i) => put(view, buffer + GATE_PARAMETERS + 8 * i, parameters[i]!, value));
      for (const { parameter, kind, offset, length } of buffers) {
        const from = Number(values[parameter]) >>> 0;
        if (kind === KIND_IN)
          side.kernelBytes.set(domain.bytes.subarray(from, from + length), buffer + offset);
        else side.kernelBytes.fill(0, buffer + offset, buffer + offset + length);
      }
    });
    const status = side.call(CALL_SYMBOL, size, 0, domain.text(name), new TextEncoder().encode(name).length);
    if (status < 0) return { errno: -status };
    let result: Value | undefined;
    side.bracket(() => {
      for (const { parameter, kind, offset, length } of buffers) {
        if (kind !== KIND_OUT) continue;
        const at = buffer + offset;
        domain.bytes.set(side.kernelBytes.subarray(at, at + length), Number(values[parameter]) >>> 0);
      }
      if (results.length > 0) result = take(view, buffer + GATE_RESULT, results[0]!);
    });
    return result;
  }

  /**
   * Serves a call of one of this driver's own functions.
   * @returns 0 or a negative errno; throws what the function's trap throws
   */
  serve({ file }: LoadedModule, { mod, exports }: Inserted): number {
    const { view } = this;
    const { address, length: granted } = this.side.grant();
    const symbol = file.symbols[view.getUint32(address + GATE_SYMBOL, true)];
    const signature = exported(file, symbol?.name ?? '')?.signature;
    if (!symbol || !signature || view.getUint32(address + GATE_COUNT, true) !== symbol.kinds.length)
      return -EINVAL;
    const { parameters, results } = signature;
    if (GATE_PARAMETERS + 8 * parameters.length > granted) return -EINVAL;
    const values = parameters.map((type, i) => take(view, address + GATE_PARAMETERS + 8 * i, type));
    const laid = layout(symbol.kinds, values);
    if (!laid || laid.size > granted) return -EINVAL;
    const image = this.domain.exports;
    const places: number[] = [];
    const status = this.run(laid, places, values, address, () => {
      image.enter_module(mod);
      const result = (exports[symbol.name] as unknown as Callable)(...values);
      image.leave_module();
      if (result !== undefined)
        this.side.bracket(() => put(view, address + GATE_RESULT, results[0]!, result));
    });
    // Not after a trap: a domain that has trapped is not called again.
    for (const place of places) image.kfree(place);
    return status;
  }

  /** Copies the buffers of a call in, runs it, copies them out. @param places takes the addresses of what it allocates */
  private run(
    { buffers }: Layout,
    places: number[],
    values: Value[],
    address: number,
    body: () => void,
  ): number {
    for (const { parameter, offset, length } of buffers) {
      const place = this.domain.exports.kmalloc(Math.max(length, 1), GFP_KERNEL);
      if (place === 0) return -ENOMEM;
      places.push(place);
      values[parameter] = place;
      if (this.side.copyIn(place, address + offset, length)) return -EFAULT;
    }
    body();
    for (const [i, { kind, offset, length }] of buffers.entries()) {
      if (kind === KIND_OUT && this.side.copyOut(address + offset, places[i]!, length)) return -EFAULT;
    }
    return 0;
  }
}
