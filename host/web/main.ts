// The page's entry: the machines where they can run, what is missing where they cannot.

import { messageOf, h } from './dom.ts';
import { missingView } from './missing-view.ts';
import { findMissing } from './requirements.ts';

async function show(main: HTMLElement): Promise<void> {
  const missing = await findMissing();
  if (missing.length > 0) {
    main.replaceChildren(missingView(missing));
    return;
  }
  // Only now: this code expects what has just been looked for.
  const { Page } = await import('./page.ts');
  const page = new Page();
  main.replaceChildren(page.element);
  await page.start();
}

const main = document.getElementById('main');
if (!main) throw new Error('the page has no element: main');
show(main).catch((error: unknown) => {
  main.replaceChildren(h('p', { class: 'errors', role: 'alert' }, messageOf(error)));
});
