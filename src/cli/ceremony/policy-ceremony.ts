import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign } from '../../domain/cose/sign.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { heldPolicyOf, openPolicy } from '../../domain/trust/open-policy.js'
import { parsePolicy, type Policy } from '../../domain/trust/policy.js'
import { sha256Hex } from '../../domain/trust/trust-state.js'
import type { HeldTrust } from '../trust-store.js'
import { requireHeld } from './ceremony-trust.js'
import type { CeremonyContext, CeremonyKind } from './ceremony-kind.js'
import { countedOf, joinSignatures, signAlone } from './many-signatures.js'
import { specAfterPolicy } from './policy-spec.js'
import { describePolicy, describePolicyDifference } from './policy-text.js'

const holdersOf = ({ state }: HeldTrust): readonly string[] => state.root.roles.get('policy')?.keyIds ?? []

function findBefore({ before }: CeremonyContext) {
  if (before === null) return null
  return {
    policy: parsePolicy(parseSign(before, MAX_DOCUMENT_BYTES).payload),
    sha256: sha256Hex(before),
    held: heldPolicyOf(before),
  }
}

function requireFollows(policy: Policy, before: Policy | undefined, { held }: CeremonyContext): void {
  if (before !== undefined && policy.version <= before.version)
    throw new Refusal('POLICY_VERSION', { held: before.version, offered: policy.version })
  const expected = before?.namespace ?? held?.state.root.namespace ?? policy.namespace
  if (policy.namespace !== expected) throw new Refusal('WRONG_NAMESPACE', { expected, found: policy.namespace })
}

/** Policies: signed by the threshold of role policy in the newest root. */
export const policyCeremony: CeremonyKind = {
  name: 'policy',

  read(payload, context) {
    const policy = parsePolicy(payload)
    const before = findBefore(context)
    const held = before?.policy
    requireFollows(policy, held, context)
    return {
      namespace: policy.namespace,
      title: `policy ${policy.version} of ${policy.namespace}`,
      says: describePolicy(policy),
      changes: held === undefined ? (policy.version === 1 ? [] : null) : describePolicyDifference(held, policy),
      comparedWith: before?.sha256 ?? null,
    }
  },

  requireHolder(_payload, keyId, context) {
    if (!holdersOf(requireHeld(context)).includes(keyId)) throw new Refusal('KEY_UNKNOWN', { keyId, role: 'policy' })
    return 'policy'
  },

  sign: (payload, signer) => signAlone('policy', payload, signer),
  assemble: joinSignatures,
  specAfter: (payload, now) => specAfterPolicy(parsePolicy(payload), now),
  payloadOf: (bytes) => parseSign(bytes, MAX_DOCUMENT_BYTES).payload,

  open(bytes, context) {
    const held = requireHeld(context)
    const before = findBefore(context)
    openPolicy(held.state, bytes, before?.held ?? null, context.now, nativeAlgorithms)
    return { payload: policyCeremony.payloadOf(bytes), counted: countedOf(bytes, holdersOf(held), 'policy') }
  },
}
