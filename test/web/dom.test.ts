// The page's text: whatever it shows went through here. Without a browser: an element is what these lines need of one.

import { afterEach, expect, test, vi } from 'vitest';
import { h, setText } from '../../host/web/views/dom.ts';

afterEach(() => vi.unstubAllGlobals());

test('text of a driver is shown by its bytes where it could turn a line round or is not seen', () => {
  const children: unknown[] = [];
  const element = { append: (...more: unknown[]) => children.push(...more), setAttribute: () => {} };
  vi.stubGlobal('document', { createElement: () => element });
  const child = {} as Node;
  h('p', {}, '\u001b[2Ja\u202eb<b>\n\tgrüße', child);
  expect(children).toEqual(['\\x1b[2Ja\\xe2\\x80\\xaeb<b>\n\tgrüße', child]);

  const node = { textContent: '' } as Node;
  expect(setText(node, '\u2066one')).toBe(true);
  expect(node.textContent).toBe('\\xe2\\x81\\xa6one');
  expect(setText(node, '\u2066one')).toBe(false);
});
