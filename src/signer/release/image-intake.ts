import { createHash } from 'node:crypto'
import { Refusal } from '../../domain/refusal.js'
import type { SignerAnswers } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { requireImageRate } from '../checks/image.check.js'
import type { ImageIntake } from '../signer-operations.js'
import type { ReleaseContext } from './release-context.js'

/** Where the policy names no bound. */
const MAX_IMAGE_BYTES = 4_294_967_296

/**
 * Begins to hash an image (check 6). Only what was hashed here, byte by byte, can be signed for later.
 * @param limitBytes the policy's bound, when it has one.
 * @throws Refusal `IMAGE_TOO_LARGE` before a byte is read.
 */
export function takeImage(
  imageSizeBytes: number,
  limitBytes: number | undefined,
  context: ReleaseContext,
): ImageIntake {
  const limit = Math.min(limitBytes ?? MAX_IMAGE_BYTES, MAX_IMAGE_BYTES)
  atCheck(6, () => {
    if (imageSizeBytes > limit) throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes: imageSizeBytes, limitBytes: limit })
  })
  const hash = createHash('sha256')
  return {
    update: (piece) => void hash.update(piece),
    finish: () => rememberImage(new Uint8Array(hash.digest()), imageSizeBytes, context),
  }
}

async function rememberImage(
  imageSha256: Uint8Array,
  imageSizeBytes: number,
  context: ReleaseContext,
): Promise<SignerAnswers['hash-image']> {
  const { state, ledger, clock, uptime } = context
  const time = atCheck(4, () => requireClock(clock, uptime, state))
  if (ledger.findImageSize(imageSha256) === null) {
    atCheck(6, () => requireImageRate(ledger.imagesInDay(time)))
    await atCheckAsync(6, () => state.record({ time, entry: { kind: 'image', imageSha256, imageSizeBytes } }))
  }
  return { imageSha256 }
}
