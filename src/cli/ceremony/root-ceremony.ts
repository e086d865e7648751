import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { parseSign } from '../../domain/cose/sign.js'
import { parseRoot } from '../../domain/trust/root.js'
import { anchorState, sha256Hex, type TrustState } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'
import type { CeremonyContext, CeremonyKind } from './ceremony-kind.js'
import { countedOf, joinSignatures, signAlone } from './many-signatures.js'
import { specAfterRoot } from './root-spec.js'
import { describeRoot, describeRootDifference } from './root-text.js'

/** The root that comes before; null for root 1, whatever is held. */
const findBefore = (version: number, { held }: CeremonyContext): TrustState | null =>
  version === 1 ? null : (held?.state ?? null)

/** Roots: signed by the threshold of the root before and by their own. */
export const rootCeremony: CeremonyKind = {
  name: 'root',

  read(payload, context) {
    const root = parseRoot(payload)
    const before = findBefore(root.version, context)
    if (before !== null && root.version !== before.root.version + 1)
      throw new Refusal('ROOT_VERSION', { expected: before.root.version + 1, found: root.version })
    return {
      namespace: root.namespace,
      title: `root ${root.version} of ${root.namespace}`,
      says: describeRoot(root),
      changes: before === null ? (root.version === 1 ? [] : null) : describeRootDifference(before.root, root),
      comparedWith: before === null ? null : sha256Hex(before.rootBytes),
    }
  },

  requireHolder(payload, keyId, context) {
    const root = parseRoot(payload)
    const holders = [root, findBefore(root.version, context)?.root].flatMap(
      (each) => each?.roles.get('root')?.keyIds ?? [],
    )
    if (!holders.includes(keyId)) throw new Refusal('KEY_UNKNOWN', { keyId, role: 'root' })
    return 'root'
  },

  sign: (payload, signer) => signAlone('root', payload, signer),
  assemble: joinSignatures,
  specAfter: (payload, now) => specAfterRoot(parseRoot(payload), now),
  payloadOf: (bytes) => parseSign(bytes, MAX_DOCUMENT_BYTES).payload,

  open(bytes, context) {
    const { payload } = parseSign(bytes, MAX_DOCUMENT_BYTES)
    const { version } = parseRoot(payload)
    const before = findBefore(version, context)
    // Alone, only root 1 can be judged: a successor needs the threshold of the one before.
    if (before === null && version !== 1)
      throw new Refusal('REQUEST_INVALID', { field: '--previous', why: `needed for root ${version}` })
    const { root } = before === null ? anchorState(bytes, nativeAlgorithms) : takeRoot(before, bytes, nativeAlgorithms)
    const holders = [...(root.roles.get('root')?.keyIds ?? []), ...(before?.root.roles.get('root')?.keyIds ?? [])]
    return { payload, counted: countedOf(bytes, holders, 'root') }
  },
}
