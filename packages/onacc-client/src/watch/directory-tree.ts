/** One known directory. The tree owns it: the fields that place it change only through {@link DirectoryTree}. */
export interface DirectoryNode {
  /** What tells the inode from all others, whatever its name: device and file handle. */
  readonly identity: string;
  /** The device's key. A tree never leaves its device. */
  readonly device: string;
  /** The name within the parent; for a root its whole path. */
  name: string;
  parent: DirectoryNode | undefined;
  children: Map<string, DirectoryNode> | undefined;
  /** `detached`: it left its place and nobody has seen it elsewhere yet. Its children keep hanging on it. */
  place: 'root' | 'child' | 'detached';
  /** The walk that last put it on the reading list. */
  walk: number;
}

/**
 * The directories that are marked, findable by inode and by name. A rename moves one node, and the paths of everything
 * below it change with it, since paths are put together when asked for. Owns no descriptor and makes no system call.
 */
export class DirectoryTree {
  readonly #byIdentity = new Map<string, DirectoryNode>();

  get size(): number {
    return this.#byIdentity.size;
  }

  find(identity: string): DirectoryNode | undefined {
    return this.#byIdentity.get(identity);
  }

  /** All nodes; may be iterated while the tree changes. */
  nodes(): IterableIterator<DirectoryNode> {
    return this.#byIdentity.values();
  }

  addRoot(path: string, identity: string, device: string): DirectoryNode {
    return this.#add({ identity, device, name: path, parent: undefined, place: 'root' });
  }

  addChild(parent: DirectoryNode, name: string, identity: string): DirectoryNode {
    const node = this.#add({ identity, device: parent.device, name, parent, place: 'child' });
    this.#hang(node, parent, name);
    return node;
  }

  /** The path where the node was last seen; undefined while it or something above it is detached. */
  pathOf(node: DirectoryNode): string | undefined {
    const names: string[] = [];
    let at: DirectoryNode | undefined = node;
    while (at !== undefined) {
      if (at.place === 'detached') return undefined;
      names.push(at.name === '/' ? '' : at.name);
      at = at.parent;
    }
    return names.length === 1 ? node.name : names.reverse().join('/');
  }

  /** Whether `node` is `ancestor` or hangs below it. */
  isWithin(node: DirectoryNode, ancestor: DirectoryNode): boolean {
    let at: DirectoryNode | undefined = node;
    while (at !== undefined && at !== ancestor) at = at.parent;
    return at === ancestor;
  }

  /** Takes the node out of its place, with everything below it. */
  detach(node: DirectoryNode): void {
    if (node.parent?.children?.get(node.name) === node) node.parent.children.delete(node.name);
    node.parent = undefined;
    node.place = 'detached';
  }

  /** Hangs a node, with everything below it, under another name. `parent` must not lie within `node`. */
  move(node: DirectoryNode, parent: DirectoryNode, name: string): void {
    this.detach(node);
    node.place = 'child';
    this.#hang(node, parent, name);
  }

  /** Makes a node that hangs nowhere the root at the path, with everything below it. */
  makeRoot(node: DirectoryNode, path: string): void {
    this.detach(node);
    node.place = 'root';
    node.name = path;
  }

  /** Forgets the node and everything below it. @returns what is forgotten. */
  drop(node: DirectoryNode): readonly DirectoryNode[] {
    const dropped: DirectoryNode[] = [];
    for (const gone of this.#subtree(node)) {
      if (this.#byIdentity.get(gone.identity) !== gone) continue;
      this.#byIdentity.delete(gone.identity);
      gone.place = 'detached';
      dropped.push(gone);
    }
    this.detach(node);
    return dropped;
  }

  /** How many directories the node and everything below it are. */
  countWithin(node: DirectoryNode): number {
    return this.#subtree(node).length;
  }

  #subtree(node: DirectoryNode): readonly DirectoryNode[] {
    const found: DirectoryNode[] = [node];
    // The array grows while it is walked.
    for (const next of found) {
      for (const child of next.children?.values() ?? []) found.push(child);
    }
    return found;
  }

  #add(fields: Omit<DirectoryNode, 'children' | 'walk'>): DirectoryNode {
    const node: DirectoryNode = { ...fields, children: undefined, walk: 0 };
    this.#byIdentity.set(node.identity, node);
    return node;
  }

  #hang(node: DirectoryNode, parent: DirectoryNode, name: string): void {
    node.parent = parent;
    node.name = name;
    parent.children ??= new Map();
    parent.children.set(name, node);
  }
}
