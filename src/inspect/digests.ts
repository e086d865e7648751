import { createHash, type Hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Chunks } from './byte-stream.js'

/** Whatever takes bytes in order: a hash, a verifier, a sum. */
export interface Sink {
  update(chunk: Uint8Array): unknown
}

/** Each byte once to every sink. */
export function feed(chunks: Iterable<Uint8Array>, sinks: readonly Sink[]): void {
  for (const chunk of chunks) for (const sink of sinks) sink.update(chunk)
}

export async function feedAll(chunks: Chunks, sinks: readonly Sink[]): Promise<void> {
  for await (const chunk of chunks) for (const sink of sinks) sink.update(chunk)
}

/** A hash whose value is asked for as hex, of what it has seen so far. */
export interface HexDigest extends Sink {
  hex(): string
}

const nodeHashes = ['md5', 'sha1', 'sha256', 'sha384', 'sha512']

/** @returns a fresh hash, or null for a name we do not know. */
export function findDigest(name: string): HexDigest | null {
  if (name === 'crc32') return new Crc32()
  return nodeHashes.includes(name) ? new NodeDigest(createHash(name)) : null
}

export const sha256Digest = (): HexDigest => new NodeDigest(createHash('sha256'))

class NodeDigest implements HexDigest {
  constructor(private readonly hash: Hash) {}
  update(chunk: Uint8Array): void {
    this.hash.update(chunk)
  }
  hex(): string {
    return this.hash.copy().digest('hex')
  }
}

/** CRC-32 as in ZIP and Ethernet, shown with its highest byte first. */
export class Crc32 implements HexDigest {
  value = 0
  update(chunk: Uint8Array): void {
    this.value = crc32(chunk, this.value)
  }
  hex(): string {
    return this.value.toString(16).padStart(8, '0')
  }
}
