import { concat, equalBytes, sha256 } from '../bytes.js'

/** Hash of an inner node: SHA-256(01 ‖ left ‖ right) (RFC 9162 §2.1.1). */
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(1), left, right))

/**
 * True when `leafHash` is the leaf `index` of the tree of `size` leaves with that root.
 * @param path hashes of 32 bytes from the leaf upwards.
 * @see RFC 9162 §2.1.3.2
 */
export function isIncluded(
  index: bigint,
  size: bigint,
  leafHash: Uint8Array,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (index < 0n || index >= size) return false
  let node = index
  let last = size - 1n
  let hash = leafHash
  for (const sibling of path) {
    if (last === 0n) return false
    if (node % 2n === 1n || node === last) {
      hash = nodeHash(sibling, hash)
      // The last node of a level without a right sibling goes up unchanged until it has a left one.
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [node / 2n, last / 2n]
  }
  return last === 0n && equalBytes(hash, root)
}

/**
 * True when the tree of `size1` leaves is the beginning of that of `size2` leaves.
 * Size 0 proves nothing and is false: whoever starts from nothing has nothing to compare.
 * @see RFC 9162 §2.1.4.2
 */
export function isConsistent(
  size1: bigint,
  size2: bigint,
  path: readonly Uint8Array[],
  root1: Uint8Array,
  root2: Uint8Array,
): boolean {
  if (size1 <= 0n || size1 > size2) return false
  if (size1 === size2) return path.length === 0 && equalBytes(root1, root2)
  const isPowerOfTwo = (size1 & (size1 - 1n)) === 0n
  if (path.length === 0) return false
  const [first = root1, ...rest] = isPowerOfTwo ? [root1, ...path] : path
  const climbed = climbBoth(size1 - 1n, size2 - 1n, first, rest)
  return climbed !== null && equalBytes(climbed.old, root1) && equalBytes(climbed.grown, root2)
}

/** Both roots as the path yields them from the largest subtree they share; null when the path is too short or too long. */
function climbBoth(
  from: bigint,
  to: bigint,
  first: Uint8Array,
  path: readonly Uint8Array[],
): { old: Uint8Array; grown: Uint8Array } | null {
  let node = from
  let last = to
  while (node % 2n === 1n) [node, last] = [node / 2n, last / 2n]
  let old = first
  let grown = first
  for (const sibling of path) {
    if (last === 0n) return null
    if (node % 2n === 1n || node === last) {
      old = nodeHash(sibling, old)
      grown = nodeHash(sibling, grown)
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n]
    } else grown = nodeHash(grown, sibling)
    ;[node, last] = [node / 2n, last / 2n]
  }
  return last === 0n ? { old, grown } : null
}
