// A SHA-256, shortened: the whole of it on hover, and by a click (or Enter) for those who want to copy it.

import { button } from './dom.ts';

const SHOWN = 12;

export class HashView {
  readonly element: HTMLButtonElement;
  #hash = '';
  #open = false;

  constructor(label: string) {
    const attributes = { class: 'hash', 'aria-label': label, 'aria-expanded': 'false' };
    this.element = button('', () => this.#toggle(), attributes);
  }

  set(hash: string): void {
    if (hash === this.#hash) return;
    this.#hash = hash;
    this.#show();
  }

  #toggle(): void {
    this.#open = !this.#open;
    this.#show();
  }

  #show(): void {
    this.element.textContent = this.#open ? this.#hash : `${this.#hash.slice(0, SHOWN)}…`;
    this.element.title = this.#open ? 'show less' : this.#hash;
    this.element.setAttribute('aria-expanded', String(this.#open));
  }
}
