import { equalBytes, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { parseKrl } from '../../domain/trust/krl.js'
import { MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { signEmergencyKrl } from '../emergency-krl.js'
import { checkKrl, describeKrl, listKrl, quorumOperationOf, requireNextKrl } from '../krl-check.js'
import { requirePolicy } from '../trust-store.js'
import { requireHeld } from './ceremony-trust.js'
import type { CeremonyContext, CeremonyKind } from './ceremony-kind.js'
import { approvePayload, approvesAs, requireApproved } from './people-approvals.js'
import { encodeRequestFile, parseRequestFile, requestIdOf } from './request-file.js'
import type { Operation } from '../../domain/trust/roles.js'

const isEmergencyKey = (keyId: string, context: CeremonyContext): boolean =>
  requireHeld(context).state.root.roles.get('emergency-krl')?.keyIds.includes(keyId) === true

function operationOf(payload: Uint8Array, context: CeremonyContext): Operation {
  const held = requireHeld(context)
  return quorumOperationOf(requirePolicy(held), checkKrl(held, payload))
}

/** A COSE_Sign1 begins with tag 18, a request file with a brace. */
const isSign1 = (bytes: Uint8Array): boolean => bytes[0] === 0xd2
const payloadOfSigned = (bytes: Uint8Array): Uint8Array => parseSign1(bytes, MAX_KRL_BYTES).payload ?? new Uint8Array(0)

/**
 * Revocation lists: approved by a quorum, as a request for the signer that holds the krl key; or signed whole by one holder of
 * an emergency key, for the day on which that signer or that quorum are the problem.
 */
export const krlCeremony: CeremonyKind = {
  name: 'krl',

  read(payload, context) {
    const held = requireHeld(context)
    const krl = parseKrl(payload)
    requireNextKrl(held, krl)
    return {
      namespace: krl.namespace,
      title: `revocation list ${krl.number} of ${krl.namespace}`,
      says: listKrl(held, krl),
      changes: describeKrl(held, krl),
      comparedWith: held.state.krl?.sha256 ?? null,
    }
  },

  requireHolder(payload, keyId, context) {
    if (isEmergencyKey(keyId, context)) return 'emergency-krl'
    return approvesAs(keyId, operationOf(payload, context), context)
  },

  sign(payload, signer, context) {
    if (isEmergencyKey(toHex(signer.keyId), context))
      return signEmergencyKrl(requireHeld(context), parseKrl(payload), signer, context.now)
    return approvePayload(payload, operationOf(payload, context), signer, context)
  },

  assemble(payload, parts, context) {
    // An approval is about the payload, a list that an emergency key signed holds it.
    const signed = parts.find((part) => isSign1(part) && equalBytes(payloadOfSigned(part), payload))
    if (signed !== undefined) return signed
    const operation = operationOf(payload, context)
    return encodeRequestFile({ operation, requestId: requestIdOf(payload), payload, approvals: parts })
  },

  payloadOf: (bytes) => (isSign1(bytes) ? payloadOfSigned(bytes) : parseRequestFile(bytes).payload),

  open(bytes, context) {
    const held = requireHeld(context)
    if (isSign1(bytes)) {
      takeKrl(held.state, bytes, context.now, nativeAlgorithms)
      const keyId = toHex(parseSign1(bytes, MAX_KRL_BYTES).keyId ?? new Uint8Array(0))
      return {
        payload: payloadOfSigned(bytes),
        counted: [{ keyId, as: isEmergencyKey(keyId, context) ? 'emergency-krl' : 'krl' }],
      }
    }
    const request = parseRequestFile(bytes)
    const expected = operationOf(request.payload, context)
    if (request.operation !== expected) throw new Refusal('APPROVAL_MISMATCH', { field: 'operation' })
    return { payload: request.payload, counted: requireApproved(request, context) }
  },
}
