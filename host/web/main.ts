// The page's entry: the machines, and what they have lost where they share one thread; what is missing where none can run.

import { messageOf, h } from './views/dom.ts';
import { lostView, missingView } from './views/missing-view.ts';
import { findMissing, findUnshared } from './requirements.ts';

async function show(main: HTMLElement): Promise<void> {
  const missing = findMissing();
  if (missing.length > 0) {
    main.replaceChildren(missingView(missing));
    return;
  }
  // Only now: this code expects what has just been looked for.
  const [{ Page }, unshared] = await Promise.all([import('./page.ts'), findUnshared()]);
  const page = new Page();
  main.replaceChildren(...(unshared.length > 0 ? [lostView(unshared)] : []), page.element);
  await page.start();
}

const main = document.getElementById('main');
if (!main) throw new Error('the page has no element: main');
show(main).catch((error: unknown) => {
  main.replaceChildren(h('p', { class: 'errors', role: 'alert' }, messageOf(error)));
});
