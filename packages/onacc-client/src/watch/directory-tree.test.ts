import { describe, expect, test } from '@jest/globals';
import { DirectoryTree } from './directory-tree.js';

function smallTree() {
  const tree = new DirectoryTree();
  const root = tree.addRoot('/r', 'id-r', '8:1');
  const a = tree.addChild(root, 'a', 'id-a');
  const b = tree.addChild(a, 'b', 'id-b');
  const c = tree.addChild(b, 'c', 'id-c');
  return { tree, root, a, b, c };
}

describe('DirectoryTree', () => {
  test('puts paths together from names', () => {
    const { tree, root, c } = smallTree();
    expect(tree.pathOf(root)).toBe('/r');
    expect(tree.pathOf(c)).toBe('/r/a/b/c');
    const top = tree.addRoot('/', 'id-top', '8:2');
    expect(tree.pathOf(tree.addChild(top, 'etc', 'id-etc'))).toBe('/etc');
    expect(tree.pathOf(top)).toBe('/');
  });

  test('a move changes the paths of everything below', () => {
    const { tree, root, b, c } = smallTree();
    tree.move(b, root, 'z');
    expect(tree.pathOf(c)).toBe('/r/z/c');
    expect(root.children?.get('a')?.children?.size).toBe(0);
    expect(tree.size).toBe(4);
  });

  test('what is detached has no path until it is moved back', () => {
    const { tree, root, a, c } = smallTree();
    tree.detach(a);
    expect(tree.pathOf(c)).toBeUndefined();
    expect(tree.find('id-c')).toBe(c);
    tree.move(a, root, 'again');
    expect(tree.pathOf(c)).toBe('/r/again/b/c');
  });

  test('a move onto a name that is taken does not lose the new holder when the old one is detached later', () => {
    const { tree, root, a, b } = smallTree();
    tree.move(b, root, 'a');
    tree.detach(a);
    expect(root.children?.get('a')).toBe(b);
    expect(tree.pathOf(b)).toBe('/r/a');
  });

  test('drop forgets a whole subtree and tells how much it was', () => {
    const { tree, root, a, c } = smallTree();
    expect(tree.drop(a)).toHaveLength(3);
    expect(tree.find('id-c')).toBeUndefined();
    expect(tree.pathOf(c)).toBeUndefined();
    expect(root.children?.size).toBe(0);
    expect(tree.countWithin(root)).toBe(1);
    expect(tree.drop(a)).toHaveLength(0);
  });

  test('isWithin is true for the node itself and its ancestors only', () => {
    const { tree, root, a, c } = smallTree();
    expect(tree.isWithin(c, a)).toBe(true);
    expect(tree.isWithin(a, a)).toBe(true);
    expect(tree.isWithin(root, a)).toBe(false);
  });

  test('takes a directory with 200,000 children', () => {
    const tree = new DirectoryTree();
    const root = tree.addRoot('/r', 'r', '8:1');
    for (let index = 0; index < 200_000; index += 1) tree.addChild(root, `n${index}`, `i${index}`);
    expect(tree.countWithin(root)).toBe(200_001);
    expect(tree.drop(root)).toHaveLength(200_001);
  });
});
