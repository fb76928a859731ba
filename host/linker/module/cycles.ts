// Cycles of a graph, as few as show every node that lies on one. Work grows with nodes times edges, never with the number
// of cycles, which can be exponential.

/** By depth-first search without recursion (Tarjan): node → a number that nodes reaching each other share. */
function components(edges: readonly (readonly number[])[]): number[] {
  const count = edges.length;
  const found = new Array<number>(count).fill(-1);
  const low = new Array<number>(count).fill(0);
  const component = new Array<number>(count).fill(-1);
  const open: number[] = [];
  let discovered = 0;
  let components = 0;
  for (let root = 0; root < count; root++) {
    if (found[root]! >= 0) continue;
    const path: { node: number; next: number }[] = [{ node: root, next: 0 }];
    while (path.length > 0) {
      const frame = path.at(-1);
      const { node } = frame;
      if (frame.next === 0 && found[node]! < 0) {
        found[node] = low[node] = discovered++;
        open.push(node);
      }
      const to = edges[node]![frame.next++];
      if (to !== undefined) {
        if (found[to]! < 0) path.push({ node: to, next: 0 });
        else if (component[to]! < 0) low[node] = Math.min(low[node]!, found[to]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1)?.node;
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
      if (low[node] !== found[node]) continue;
      for (let member = -1; member !== node;) {
        member = open.pop()!;
        component[member] = components;
      }
      components++;
    }
  }
  return component;
}

/** A shortest way from a node back to itself: first and last are the node. */
function shortest(
  edges: readonly (readonly number[])[],
  component: readonly number[],
  from: number,
): number[] {
  const cameFrom = new Map<number, number>();
  const queue = [from];
  for (const node of queue) {
    for (const to of edges[node]!) {
      if (to === from) {
        const cycle = [from];
        for (let back = node; back !== from; back = cameFrom.get(back)!) cycle.unshift(back);
        return [from, ...cycle];
      }
      if (component[to] !== component[from] || cameFrom.has(to)) continue;
      cameFrom.set(to, node);
      queue.push(to);
    }
  }
  return [];
}

/** Cycles (`[0, 1, 0]`) that together show every node that lies on any, and how many nodes do. */
export function cyclesOf(edges: readonly (readonly number[])[]): { cycles: number[][]; nodes: number } {
  const component = components(edges);
  const size = new Map<number, number>();
  for (const each of component) size.set(each, (size.get(each) ?? 0) + 1);
  const shown = new Set<number>();
  const cycles: number[][] = [];
  for (let node = 0; node < edges.length; node++) {
    if (shown.has(node) || (size.get(component[node]!) === 1 && !edges[node]!.includes(node))) continue;
    const cycle = shortest(edges, component, node);
    for (const member of cycle) shown.add(member);
    cycles.push(cycle);
  }
  return { cycles, nodes: shown.size };
}
