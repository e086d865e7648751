import { createHash } from 'node:crypto'
import { equalBytes } from '../domain/bytes.js'
import type { Sink } from './digests.js'
import type { Reader } from './reader.js'

// Linux, Documentation/admin-guide/device-mapper/verity.rst; version 1, SHA-256, blocks of 4,096 bytes.
export const VERITY_BLOCK_BYTES = 4_096
const HASH_BYTES = 32
const HASHES_PER_BLOCK = VERITY_BLOCK_BYTES / HASH_BYTES

interface Level {
  readonly storedAt: number
  readonly block: Uint8Array
  filled: number
  written: number
}

/** Grows the hash tree over blocks as they stream by, and holds each of its blocks against the one that is stored. */
export class VerityTree implements Sink {
  /** What the tree takes, behind the data. */
  readonly treeBytes: number
  private readonly levels: readonly Level[]
  private root: Uint8Array = new Uint8Array(HASH_BYTES)
  private differs = false

  /** @param blocks of data, at least one. @param treeAt where the stored tree starts: its top comes first. */
  constructor(
    private readonly reader: Reader,
    blocks: number,
    treeAt: number,
    private readonly salt: Uint8Array,
  ) {
    const sizes: number[] = []
    for (let size = blocks; size > 1; sizes.push(size)) size = Math.ceil(size / HASHES_PER_BLOCK)
    const levels: Level[] = []
    let at = treeAt
    for (const size of sizes.toReversed()) {
      levels.unshift({ storedAt: at, block: new Uint8Array(VERITY_BLOCK_BYTES), filled: 0, written: 0 })
      at += size * VERITY_BLOCK_BYTES
    }
    this.levels = levels
    this.treeBytes = at - treeAt
  }

  /** Whole blocks. */
  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += VERITY_BLOCK_BYTES)
      this.add(0, this.hash(chunk.subarray(at, at + VERITY_BLOCK_BYTES)))
  }

  /** @returns the root hash, and whether the stored tree is the one that belongs to the data. */
  finish(): { root: Uint8Array; isStored: boolean } {
    for (const [index, level] of this.levels.entries()) if (level.filled > 0) this.close(index, level)
    return { root: this.root, isStored: !this.differs }
  }

  private add(index: number, hash: Uint8Array): void {
    const level = this.levels[index]
    if (level === undefined) {
      this.root = hash
      return
    }
    level.block.set(hash, level.filled)
    level.filled += HASH_BYTES
    if (level.filled === VERITY_BLOCK_BYTES) this.close(index, level)
  }

  private close(index: number, level: Level): void {
    level.block.fill(0, level.filled)
    const stored = this.reader.bytes(level.storedAt + level.written * VERITY_BLOCK_BYTES, VERITY_BLOCK_BYTES)
    if (!equalBytes(stored, level.block)) this.differs = true
    level.filled = 0
    level.written += 1
    this.add(index + 1, this.hash(level.block))
  }

  private hash(block: Uint8Array): Uint8Array {
    return createHash('sha256').update(this.salt).update(block).digest()
  }
}
