import type { EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'

/**
 * Whoever makes bytes firmware, and whoever takes them away, does it one after the other for each digest: the store and the table
 * are two places, and only so they never disagree. Held until the end of the transaction.
 */
export async function lockDigest(manager: EntityManager, sha256: Uint8Array): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 3))', [`firmware ${toHex(sha256)}`])
}
