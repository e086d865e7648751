import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat, fromHex } from '../../src/domain/bytes.js'
import { frame } from '../../src/protocol/signer-socket.js'
import { PublishedReader } from '../../src/signer/trust/published-reader.js'
import { RELEASE_FILE } from '../../src/signer/trust/release-file.js'

/** What the online signer finds in the published folder of a fixture; null when there is nothing of that digest. */
export const findPublished = (folder: string, digest: string): Uint8Array | null =>
  new PublishedReader(join(folder, 'published')).findRelease(digest)

/** Puts an envelope there under a digest, as somebody who holds the folder could. */
export const publishAs = (folder: string, digest: string, envelope: Uint8Array): void =>
  appendFileSync(join(folder, 'published', RELEASE_FILE), frame(concat(fromHex(digest), envelope)))
