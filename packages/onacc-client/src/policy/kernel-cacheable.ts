// inode(7)
const GROUP_OR_OTHER_WRITE = 0o022;

/**
 * Whether a clean file may be cached in the kernel by an ignore mark: only where no untrusted user can write to it.
 *
 * An ignore mark survives a store through a shared mapping (measured), and while it stands nobody's open is seen, the
 * writer's included. So the owner must be root and nobody else may hold write permission; with a POSIX ACL the group
 * bits show its mask (acl(5)), so no named user slips past. Replacing the file makes a new inode without a mark.
 */
export function kernelCacheable(facts: { readonly uid: number; readonly mode: number }): boolean {
  return facts.uid === 0 && (facts.mode & GROUP_OR_OTHER_WRITE) === 0;
}
