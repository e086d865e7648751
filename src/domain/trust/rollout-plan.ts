import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/**
 * The pace that fleet managers sign: they approve the SHA-256 of these bytes (operation `rollout`).
 * @see docs/formats/rollout-plan.md
 */
export interface RolloutPlan {
  readonly namespace: string
  readonly rolloutId: string
  /** The release's SUIT digest, then perhaps that of its fallback; 32 bytes each. */
  readonly manifests: readonly Uint8Array[]
  readonly devicesPerHour: number
  /** Distinct devices, for each digest. */
  readonly devicesTotal: number
  readonly notBefore: number
  readonly expires: number
}

export const encodeRolloutPlan = (plan: RolloutPlan): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, plan.namespace],
      [3, plan.rolloutId],
      [4, plan.manifests],
      [5, plan.devicesPerHour],
      [6, plan.devicesTotal],
      [7, plan.notBefore],
      [8, plan.expires],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseRolloutPlan(payload: Uint8Array): RolloutPlan {
  const fields = Fields.open('rollout-plan', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const plan: RolloutPlan = {
    namespace: fields.header(),
    rolloutId: fields.text(3, 64),
    manifests: fields.array(4).map((digest) => fields.asBytes(4, digest, 32)),
    devicesPerHour: fields.uint(5),
    devicesTotal: fields.uint(6),
    notBefore: fields.uint(7),
    expires: fields.uint(8),
  }
  fields.finish()
  if (plan.manifests.length < 1 || plan.manifests.length > 2) throw fields.refusal(4, 'one or two digests')
  if (plan.notBefore >= plan.expires) throw fields.refusal(8, 'ends before it begins')
  return plan
}
