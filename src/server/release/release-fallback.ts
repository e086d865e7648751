import type { EntityManager } from 'typeorm'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { Submission } from '../../domain/trust/submission.js'

/**
 * Rolling back is rolling forward: a fallback is another image of the same class that people had signed before.
 * @throws Refusal `REQUEST_INVALID`.
 */
export async function requireFallback(
  manager: EntityManager,
  release: Submission,
  fallback: Submission,
): Promise<void> {
  const no = (why: string): Refusal => new Refusal('REQUEST_INVALID', { field: 'fallbackRequestId', why })
  if (!equalBytes(release.classId, fallback.classId)) throw no('it is for another class')
  if (equalBytes(release.imageSha256, fallback.imageSha256)) throw no('it is the image of the release itself')
  const signed = await manager.query<unknown[]>(
    `SELECT 1 FROM release WHERE namespace = $1 AND class_id = $2 AND image_sha256 = $3 AND state = 'signed' LIMIT 1`,
    [release.namespace, fallback.classId, fallback.imageSha256],
  )
  if (signed.length === 0) throw no('its image was never signed for this class')
}
