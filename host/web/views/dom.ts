// The few lines that stand between this page and the DOM. Text is set as text, never as markup: names and messages on this
// page come out of drivers; what could turn a line round, or is not seen, is shown by its bytes. What is shown already is left
// alone, so that a selection or a focus survives a refresh.

import { cleanLines } from '../../linker/wasm/bytes.ts';

type Child = Node | string;

const shown = (child: Child): Child => (typeof child === 'string' ? cleanLines(child) : child);

/** An element with attributes (`true` sets an empty one, `false` none) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.map(shown));
  return element;
}

/** @returns whether that was a change */
export function setText(node: Node, text: string): boolean {
  const clean = cleanLines(text);
  if (node.textContent === clean) return false;
  node.textContent = clean;
  return true;
}

export function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** What an element was there for has failed: an event that bubbles to whoever shows its `detail`, the error. */
export const FAILED = 'failed';

/** Does what an element is there for. Whatever is thrown or rejected over it becomes FAILED. */
export async function act(element: HTMLElement, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    const event = new CustomEvent(FAILED, { bubbles: true, cancelable: true, detail: error });
    if (element.dispatchEvent(event)) reportError(error); // nobody has shown it
  }
}

/** A button that does one thing; `action` marks those that wait while another one is at work. */
export function button(
  label: Child,
  work: () => unknown,
  attributes: Readonly<Record<string, string>> = {},
): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, label);
  element.addEventListener('click', () => void act(element, work));
  return element;
}

/** A number for reading, with separators. */
export function figure(n: number): string {
  return n.toLocaleString('en-US');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
